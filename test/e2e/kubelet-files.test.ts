/** The kubelet's files beside those that kubeadm v1.20.2 writes for the same description, and in the hands of its kubelet. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseControlPlane } from '../../lib/config/control-plane.js'
import { parseDescription } from '../../lib/config/resolve.js'
import { createContext } from '../../lib/context.js'
import { kubeProxyConfigMapData } from '../../lib/render/kube-proxy.js'
import { kubeletFiles } from '../../lib/render/kubelet-files.js'
import { controlPlane } from '../support/control-plane.js'
import { Host, must } from './host.js'
import { kube, testWithAll } from './programs.js'

const VECTORS = fileURLToPath(new URL('../vectors/kubeadm/kubelet', import.meta.url))
const test = suite('kubelet-files')
let host: Host | undefined

test.after(() => host?.close())

/** Nothing in PATH: neither Docker nor systemd is asked. */
async function kubeadm(...args: string[]): Promise<string> {
  host ??= await Host.create('host-1')
  return must(host.run('env', ['PATH=/nonexistent', kube('kubeadm'), ...args]))
}

for (const input of readdirSync(VECTORS).filter(name => name.endsWith('.in.yaml')))
  testWithAll(['kubeadm'], test, `to the byte: ${input}`, async () => {
    const path = join(VECTORS, input)
    host ??= await Host.create('host-1')
    rmSync(host.kubeletDir, { recursive: true, force: true })
    await kubeadm('init', 'phase', 'kubelet-start', '--config', path)
    const theirs = readdirSync(host.kubeletDir).map(name => [
      name,
      readFileSync(join(host?.kubeletDir ?? '', name), 'utf8'),
    ])
    const file = { text: readFileSync(path, 'utf8'), name: input }
    const plane = parseControlPlane(await parseDescription({ file }, createContext()))
    const ours = kubeletFiles(plane, { hostname: 'host-1' }, []).map(({ path, bytes }) => [
      path.replace('/var/lib/kubelet/', ''),
      Buffer.from(bytes).toString(),
    ])
    assert.equal(Object.fromEntries(ours), Object.fromEntries(theirs))
  })

testWithAll(['kubeadm'], test, "kube-proxy's configuration is what kubeadm prints", async () => {
  const printed = await kubeadm('config', 'print', 'init-defaults', '--component-configs', 'KubeProxyConfiguration')
  const theirs = printed.slice(printed.indexOf('apiVersion: kubeproxy'))
  assert.is(`${kubeProxyConfigMapData(await controlPlane('v1.20.2'))['config.conf']}\n`, theirs)
})

// It reads and checks its whole configuration before it opens what that names first: the CA of its clients.
testWithAll(['kubelet'], test, 'a kubelet v1.20.2 takes config.yaml, and would not take another one', async () => {
  host ??= await Host.create('host-1')
  mkdirSync(host.kubeletDir, { recursive: true })
  const [config] = kubeletFiles(await controlPlane('v1.20.2'), {}, []).filter(({ path }) =>
    path.endsWith('config.yaml'),
  )
  const path = join(host.data, 'config.yaml')
  const said = async (text: string) => {
    writeFileSync(path, text)
    const { stderr = '' } = (await host?.run(kube('kubelet'), ['--config', path, '--kubeconfig', '/nonexistent'])) ?? {}
    return stderr
      .split('\n')
      .filter(line => /^[EFW][0-9]/.test(line))
      .join('\n')
  }
  const text = Buffer.from(config?.bytes ?? []).toString()
  assert.match(await said(text), 'unable to load client CA file /etc/kubernetes/pki/ca.crt')
  assert.not.match(await said(text), /unknown field|failed to load/)
  assert.match(
    await said(text.replace('syncFrequency: 0s', 'syncFrequency: [1]')),
    'failed to load Kubelet config file',
  )
})

test.run()
