import { type Certificate, type ChangedTree, type Context, expectedEnd, type Store, saveChange } from '../index.js'
import { OUTPUT_VERSION } from './structured.js'

/** What a run has changed, or would change, for programs. */
export function describeChanged(
  kind: 'RenewResult' | 'ApplyResult',
  changed: ChangedTree,
  {
    store,
    context,
    isDryRun,
  }: { readonly store: Pick<Store, 'locate'>; readonly context: Context; readonly isDryRun: boolean },
) {
  const { plan, comparison, certificates, backup, finished } = changed
  return {
    apiVersion: OUTPUT_VERSION,
    kind,
    dryRun: isDryRun,
    ...(plan.node === undefined ? {} : { node: plan.node }),
    items: plan.changes.map(change => {
      const old = comparison.items.find(({ id }) => id === change.id)?.certificate
      const made = certificates.get(change.id)
      const { files, ...rest } = saveChange(change)
      const end = expectedEnd(change, changed, context)
      return {
        ...rest,
        files: files.map(path => store.locate(path)),
        ...(old && change.wanted ? { old: certificateFacts(old) } : {}),
        ...(made ? { new: certificateFacts(made) } : {}),
        ...(!made && end ? { expectedNotAfter: end.toISOString() } : {}),
      }
    }),
    untouched: plan.untouched.map(({ id, ...rest }) => ({ name: id, ...rest })),
    restarts: plan.restarts,
    followUps: plan.followUps,
    ...(backup ? { backup: backup.name } : {}),
    finished: finished.map(({ backup: { name }, outcome }) => ({ backup: name, outcome })),
  }
}

function certificateFacts({ serialNumber, notBefore, notAfter, publicKey }: Certificate) {
  return {
    serialNumber,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    keyAlgorithm: publicKey.name,
  }
}
