import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HostTraits } from '../../lib/render/host-file.js'
import { prepareRender } from '../../lib/workflow/render-host.js'
import { testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'
import { memoryHost } from '../support/memory-host.js'

test('what is doubtful only with what is told of the host is warned of', async () => {
  const described = await controlPlane('v1.36.4', {
    more: 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nresolvConf: /etc/mine',
  })
  const host = memoryHost({ system: undefined })
  const warnings = async (traits: HostTraits) => {
    const told: string[] = []
    const context = testContext({ log: ({ message }) => void told.push(message) })
    const run = await prepareRender(described, { host, store: host.store, context }, { traits })
    assert.is(run.traits.usesSystemdResolved, traits.usesSystemdResolved ?? false)
    return told.filter(message => message.includes('resolvConf')).length
  }
  assert.equal([await warnings({}), await warnings({ usesSystemdResolved: true })], [0, 1])
})

test.run()
