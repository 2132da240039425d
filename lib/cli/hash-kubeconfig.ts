import { type Certificate, type Context, parseKubeconfig } from '../index.js'

/** The CA certificates of a kubeconfig. A file of its own, since a certificate's pin needs no YAML reader to be loaded. */
export async function readKubeconfigCas(text: string, context: Context, what: string): Promise<readonly Certificate[]> {
  return (await parseKubeconfig(text, context, what)).caCertificates
}
