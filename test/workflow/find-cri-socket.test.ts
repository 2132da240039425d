import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCriSocket } from '../../lib/workflow/find-cri-socket.js'
import { rejects } from '../support/context.js'
import { memoryHost } from '../support/memory-host.js'

const CONTAINERD = '/var/run/containerd/containerd.sock'
const CRIO = '/var/run/crio/crio.sock'
const socket = { type: 'socket' } as const

test('the one container runtime of a host is found; several are for people to choose of', async () => {
  assert.is(await findCriSocket(memoryHost()), undefined)
  assert.is(await findCriSocket(memoryHost({ files: { [CONTAINERD]: socket } })), `unix://${CONTAINERD}`)
  assert.is(await findCriSocket(memoryHost({ files: { [CONTAINERD]: '', [CRIO]: socket } })), `unix://${CRIO}`)
  const error = await rejects(findCriSocket(memoryHost({ files: { [CONTAINERD]: socket, [CRIO]: socket } })))
  assert.is(error.code, 'KPKI_FIELD_VALUE')
  assert.equal(error.details['found'], [`unix://${CONTAINERD}`, `unix://${CRIO}`])
  // Nobody listens in a directory that stands for a host.
  assert.is(await findCriSocket(memoryHost({ files: { [CONTAINERD]: socket }, system: undefined })), undefined)
})

test.run()
