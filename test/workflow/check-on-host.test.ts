import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkOnHost } from '../../lib/workflow/check-on-host.js'
import { controlPlane } from '../support/control-plane.js'
import { memoryHost } from '../support/memory-host.js'
import { testWith } from '../support/skip.js'

const described = (cluster: string) => controlPlane('v1.36.4', { cluster })

test('an endpoint that resolves to nothing is doubtful, where names can be asked for', async () => {
  const plane = await described('controlPlaneEndpoint: api.example.org:6443')
  const system = (names: Record<string, readonly string[]>) => memoryHost({ system: { names } })
  assert.equal(await checkOnHost(plane, system({ 'api.example.org': ['10.0.0.1'] })), [])
  const [problem, ...others] = await checkOnHost(plane, system({}))
  assert.equal(others, [])
  assert.is(problem?.severity, 'warning')
  assert.is(problem?.field, 'controlPlaneEndpoint')
  assert.match(problem?.message ?? '', /^api\.example\.org /)
  assert.equal(await checkOnHost(await described('controlPlaneEndpoint: 10.0.0.1'), system({})), [])
})

testWith('openssl', test, 'names that are not in the certificate that is there are doubtful', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kpki-test-'))
  try {
    const [key, cert] = [join(dir, 'k'), join(dir, 'c')]
    execFileSync(
      'openssl',
      // prettier-ignore
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-subj',
        '/CN=kube-apiserver',
        '-addext',
        'subjectAltName=DNS:a.example.org,IP:10.0.0.7',
      ],
      { stdio: 'ignore' },
    )
    const host = memoryHost({ files: { '/etc/kubernetes/pki/apiserver.crt': readFileSync(cert, 'utf8') } })
    const judged = async (names: string) => checkOnHost(await described(`apiServer: {certSANs: [${names}]}`), host)
    assert.equal(await judged('a.example.org, 10.0.0.7'), [])
    const [problem] = await judged('a.example.org, b.example.org')
    assert.is(problem?.field, 'apiServer.certSANs')
    assert.match(problem?.message ?? '', /apiserver\.crt is there already, without b\.example\.org$/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('names are doubtful where somebody else signs', async () => {
  const plane = await described('apiServer: {certSANs: [a.example.org]}')
  const ca = { '/etc/kubernetes/pki/ca.crt': 'x' }
  assert.is((await checkOnHost(plane, memoryHost({ files: ca }))).length, 1)
  assert.equal(await checkOnHost(plane, memoryHost({ files: { ...ca, '/etc/kubernetes/pki/ca.key': 'x' } })), [])
  assert.equal(await checkOnHost(await described(''), memoryHost({ files: ca })), [])
})

test.run()
