/**
 * Images of the control plane, made of the programs that are here: no registry is asked. Each holds one program (and the
 * shared libraries that it wants), and the names are those of the manifests.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, createReadStream, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Host, must, scratch } from './host.js'

/** A program that is to be found in an image. */
interface Content {
  /** Path on this machine. */
  readonly program: string
  /** Path in the image. */
  readonly path: string
  /** What the image runs when nobody says otherwise. Default: the program */
  readonly entrypoint?: readonly string[]
}

const made = new Map<string, Promise<string>>()

/** A tar file with one image in it (OCI image layout), made once for all hosts of a run. */
export function imageFile(name: string, content: Content): Promise<string> {
  const known = made.get(name)
  if (known) return known
  const file = makeImage(name, content)
  made.set(name, file)
  return file
}

/** Has a host's containerd take images, as the kubelet looks for them. */
export async function importImages(host: Host, socket: string, files: readonly string[]): Promise<void> {
  for (const file of files)
    await must(host.run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', '--no-unpack', file]))
}

/** OCI image specification 1.0, image-layout.md, manifest.md and config.md. */
async function makeImage(name: string, { program, path, entrypoint = [path] }: Content): Promise<string> {
  const dir = scratch('image')
  const root = join(dir, 'root')
  for (const [from, to] of [[program, path] as const, ...librariesOf(program).map(file => [file, file] as const)]) {
    mkdirSync(join(root, dirname(to)), { recursive: true })
    copyFileSync(from, join(root, to))
  }
  const blobs = join(dir, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  execFileSync('tar', ['-C', root, '-cf', join(dir, 'layer.tar'), '.'])
  rmSync(root, { recursive: true })
  const layer = await digestOf(join(dir, 'layer.tar'))
  linkSync(join(dir, 'layer.tar'), join(blobs, layer.digest))
  rmSync(join(dir, 'layer.tar'))
  const add = (value: unknown) => {
    const text = JSON.stringify(value)
    const digest = createHash('sha256').update(text).digest('hex')
    writeFileSync(join(blobs, digest), text)
    return { digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
  }
  const config = add({
    architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], Entrypoint: entrypoint },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer.digest}`] },
  })
  const manifest = add({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${layer.digest}`, size: layer.size },
    ],
  })
  const annotations = { 'io.containerd.image.name': name }
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest, annotations }],
  }
  writeFileSync(join(dir, 'index.json'), JSON.stringify(index))
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const file = join(dir, 'image.tar')
  execFileSync('tar', ['-C', dir, '-cf', file, 'oci-layout', 'index.json', 'blobs'])
  rmSync(join(dir, 'blobs'), { recursive: true })
  return file
}

/** Shared libraries that a program wants, by the loader's own word; none for one that is static. */
function librariesOf(program: string): readonly string[] {
  let said: string
  try {
    said = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return []
  }
  return [...said.matchAll(/(?:^|=>)\s+(\/\S+) \(0x/gm)].map(([, file = '']) => file)
}

function digestOf(file: string): Promise<{ digest: string; size: number }> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256')
    let size = 0
    createReadStream(file)
      .on('data', chunk => {
        hash.update(chunk)
        size += chunk.length
      })
      .once('error', reject)
      .once('end', () => resolve({ digest: hash.digest('hex'), size }))
  })
}
