/** Where kpki departs from kubeadm, and why; README and documentation show these rows. */
import { table } from './markdown.js'

/** One departure. */
export interface Departure {
  readonly point: string
  readonly kubeadm: string
  readonly kpki: string
  readonly why: string
  /** The test that holds it, path from the root of the repository. */
  readonly test: string
}

/** In the order of how often one meets them. */
export const DEPARTURES: readonly Departure[] = [
  {
    point: 'key usage with EC keys',
    kubeadm: 'keyEncipherment',
    kpki: 'left out',
    why: 'RFC 8813 section 3',
    test: 'test/kubernetes/catalogue.test.ts',
  },
  {
    point: 'subject key identifier in leaves',
    kubeadm: 'absent',
    kpki: 'present',
    why: 'RFC 5280 section 4.2.1.2',
    test: 'test/x509/issue.test.ts',
  },
  {
    point: 'serial numbers',
    kubeadm: '63 random bits',
    kpki: '126 random bits',
    why: 'RFC 5280 section 4.1.2.2',
    test: 'test/x509/issue.test.ts',
  },
  {
    point: 'life of a leaf',
    kubeadm: 'may outlive its CA',
    kpki: 'ends with its CA at the latest, with a warning',
    why: 'a chain ends with its first link',
    test: 'test/workflow/generate.test.ts',
  },
  {
    point: 'kubeconfig client certificates',
    kubeadm: 'valid since the CA is, in some versions',
    kpki: 'since five minutes ago',
    why: 'a new certificate is not ten years old',
    test: 'test/workflow/generate.test.ts',
  },
  {
    point: 'files that exist',
    kubeadm: 'kept after a chain check',
    kpki: 'kept when key, chain, identity, names, usages and dates fit; else nothing is written',
    why: 'what does not fit breaks clusters later',
    test: 'test/audit/findings.test.ts',
  },
  {
    point: 'names in renewal',
    kubeadm: 'those of the old certificate',
    kpki: 'those, and what a file or a flag states beyond them; `--as-found` for the old ones alone',
    why: 'a name that was added to the configuration never arrives in the certificate',
    test: 'test/audit/changes.test.ts',
  },
  {
    point: "`kubelet.conf` and the kubelet's own client certificate in renewal",
    kubeadm: 'never',
    kpki: 'renewed',
    why: 'clusters that slept longer than a certificate lives',
    test: 'test/workflow/renew.test.ts',
  },
  {
    point: 'renewal of what is not a leaf with one certificate and the usual names',
    kubeadm: 'refused, or rewritten without what it does not know',
    kpki: 'subject, names of every kind, order, usages, chains and comments stay',
    why: 'whoever put them there needs them',
    test: 'test/workflow/renew.test.ts',
  },
  {
    point: 'CAs in `cluster-info` beside the pinned one',
    kubeadm: 'trusted for the second connection',
    kpki: 'not trusted, unless a pin is of them, too',
    why: 'whoever knows a token and is in between can put his own there',
    test: 'test/host/discovery.test.ts',
  },
  {
    point: 'writes',
    kubeadm: 'truncate in place',
    kpki: 'temporary file, fsync, move into place; taken back on failure',
    why: 'crash safety',
    test: 'test/e2e/crashes.test.ts',
  },
  {
    point: 'life of `kubeconfig user`',
    kubeadm: 'a year',
    kpki: '12 hours, unless asked',
    why: 'a client certificate cannot be taken back',
    test: 'test/cli/kubeconfig.test.ts',
  },
  {
    point: '`kubeconfig user --token`',
    kubeadm: 'needs the CA key, too',
    kpki: 'needs the CA certificate only',
    why: 'nothing is signed',
    test: 'test/cli/kubeconfig.test.ts',
  },
  {
    point: 'server and cluster name of `kubeconfig user` that nobody names',
    kubeadm: 'detected on the host, and `kubernetes`',
    kpki: "those of the tree's `admin.conf`",
    why: 'a load balancer must not be dropped',
    test: 'test/cli/kubeconfig.test.ts',
  },
  {
    point: '`sa.pub` missing beside `sa.key`',
    kubeadm: 'not made again',
    kpki: 'derived again',
    why: 'the key is its source',
    test: 'test/workflow/generate.test.ts',
  },
  {
    point: 'mode of `sa.pub`',
    kubeadm: '0600',
    kpki: '0644',
    why: 'it is public',
    test: 'test/tree/layout.test.ts',
  },
  {
    point: '`kubeadm-certs`: files that are missing at upload',
    kubeadm: 'an empty value',
    kpki: 'refused, but for keys of CAs, with a warning; `sa.pub` is derived',
    why: 'the host that joins would make a CA or key of its own',
    test: 'test/workflow/kubeadm-certs.test.ts',
  },
  {
    point: '`kubeadm-certs`: values at download',
    kubeadm: 'any key or certificate under any name, over files that exist',
    kpki: 'what the name says, fitting together, no CA with the usual name of another one, none empty but keys of CAs; nothing is overwritten; all or none',
    why: 'values can be swapped without the key',
    test: 'test/access/kubeadm-certs.test.ts',
  },
  {
    point: '`kubeadm-certs` of another cluster than the tree',
    kubeadm: 'not looked at',
    kpki: 'refused where `ca.crt` is not a CA of the kubeconfig, unless `--allow-other-ca`',
    why: '`KUBECONFIG` may name another cluster',
    test: 'test/cli/certs-live.test.ts',
  },
  {
    point: 'what was signed',
    kubeadm: 'nobody knows',
    kpki: 'one line per certificate in `pki/issued.jsonl`, before it has a name',
    why: 'nothing can be revoked, so one should know what there is',
    test: 'test/workflow/ledger.test.ts',
  },
  {
    point: 'CA details of versions before 1.31 (own name as SAN, start)',
    kubeadm: 'older habits',
    kpki: "today's",
    why: 'one behaviour for all versions',
    test: 'test/kubernetes/catalogue.test.ts',
  },
  {
    point: '`10.0.0.256`, `010.0.0.1` as a name',
    kubeadm: 'taken for a DNS name or read as octal',
    kpki: 'refused',
    why: 'a typing mistake in an address',
    test: 'test/kubernetes/net.test.ts',
  },
  {
    point: 'negative ttl of a bootstrap token',
    kubeadm: 'the token never ends',
    kpki: 'refused',
    why: 'nobody means that',
    test: 'test/access/bootstrap-token-spec.test.ts',
  },
  {
    point: 'networks of Pods and Services that overlap, an address within them',
    kubeadm: 'taken',
    kpki: 'refused',
    why: 'nobody can tell a Pod from a Service',
    test: 'test/config/check-control-plane.test.ts',
  },
  {
    point: 'names of arguments with dashes or `=`, volumes of one name or at one path',
    kubeadm: 'taken',
    kpki: 'refused',
    why: 'the component does not start, or a volume is lost without a word',
    test: 'test/config/check-control-plane.test.ts',
  },
  {
    point: 'arguments that contradict a field',
    kubeadm: 'taken',
    kpki: 'warning that names both',
    why: 'the field counts everywhere else',
    test: 'test/config/check-control-plane.test.ts',
  },
  {
    point: 'a timeout of `0s`, e.g. `timeoutForControlPlane`',
    kubeadm: 'taken',
    kpki: 'refused',
    why: 'nothing ends within no time',
    test: 'test/config/check-control-plane.test.ts',
  },
  {
    point: 'patches that match nothing',
    kubeadm: '`$patch: delete` of nothing passes',
    kpki: 'refused',
    why: 'a misspelt name changes nothing, and nobody sees it',
    test: 'test/render/patches.test.ts',
  },
  {
    point: 'patches that make another object',
    kubeadm: 'written',
    kpki: 'refused',
    why: 'the kubelet runs what is there',
    test: 'test/render/patches.test.ts',
  },
  {
    point: 'fields in patches that no Pod has',
    kubeadm: 'dropped',
    kpki: 'written, and told with the nearest name',
    why: 'a misspelt name changes nothing, and nobody sees it',
    test: 'test/render/patches.test.ts',
  },
  {
    point: 'bootstrap token in an error message',
    kubeadm: 'quoted',
    kpki: 'never',
    why: 'logs are kept',
    test: 'test/access/bootstrap-token.test.ts',
  },
  {
    point: 'a token or key given for the name of a file',
    kubeadm: 'quoted',
    kpki: 'not shown; how to pass it is said',
    why: 'logs are kept',
    test: 'test/cli/withhold.test.ts',
  },
]

/** As the README shows them. */
export function stricter(): string {
  return table(
    ['point', 'kubeadm', 'kpki', 'why'],
    DEPARTURES.map(({ point, kubeadm, kpki, why }) => [point, kubeadm, kpki, why]),
  )
}

/** With the test that holds each. */
export function departures(): string {
  return table(
    ['point', 'kubeadm', 'kpki', 'why', 'held by'],
    DEPARTURES.map(({ point, kubeadm, kpki, why, test }) => [point, kubeadm, kpki, why, `\`${test}\``]),
  )
}
