import type { Kubeconfig } from '../access/kubeconfig.js'
import { showUrl } from '../access/server-url.js'
import { isKubeconfigId } from '../kubernetes/rows.js'
import { reportOn } from './about.js'
import type { ActualRow } from './actual.js'
import { caDataFindings } from './ca-data.js'
import type { Finding } from './rules.js'
import { signerOf } from './signer.js'
import type { Wanting } from './wanting.js'

/** Fields of a user with which it needs no client certificate. */
const OTHER_CREDENTIALS = ['token', 'tokenFile', 'username', 'auth-provider', 'exec']

/** Says what is wrong with a kubeconfig beside its client certificate. */
export function kubeconfigFindings(row: ActualRow, server: string | undefined, { tree, context }: Wanting): Finding[] {
  const { id, kubeconfig } = row
  if (!kubeconfig || !isKubeconfigId(id)) return []
  const report = reportOn({ row: id, path: id })
  const ca = tree.rows.get('ca')
  const findings = caDataFindings(kubeconfig, ca?.certificates ?? [], ca && signerOf(ca, context), report)
  if (kubeconfig.extras.includes('insecure-skip-tls-verify'))
    findings.push(
      report('insecure', 'does not verify the API server', {
        field: 'insecure-skip-tls-verify',
        expected: 'false',
        actual: 'true',
      }),
    )
  const extras = kubeconfig.extras.filter(field => field !== 'insecure-skip-tls-verify')
  if (extras.length > 0)
    findings.push(
      report('kubeconfig-extra', `also has ${extras.join(', ')}`, {
        field: extras[0] ?? '',
        actual: extras.join(', '),
      }),
    )
  const { certificates, key, keyFile } = kubeconfig
  if (certificates.length > 0 && !key && keyFile === undefined)
    findings.push(report('no-credentials', 'has a client certificate without its key', { field: 'client-key-data' }))
  else if (lacksCredentials(kubeconfig))
    findings.push(report('no-credentials', 'has no client certificate', { field: 'client-certificate-data' }))
  if (server !== undefined && kubeconfig.server !== server)
    findings.push(
      report('server', `goes to ${showUrl(kubeconfig.server).text} instead of ${showUrl(server).text}`, {
        field: 'server',
        expected: showUrl(server).text,
        actual: showUrl(kubeconfig.server).text,
      }),
    )
  return findings
}

/** Whether a kubeconfig's user has nothing to show: no certificate, in the file or beside it, and nothing in its place. */
export function lacksCredentials({ certificates, certificateFile, extras }: Kubeconfig): boolean {
  const hasOther = extras.some(field => OTHER_CREDENTIALS.includes(field))
  return certificates.length === 0 && certificateFile === undefined && !hasOther
}
