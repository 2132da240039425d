#!/usr/bin/env node
import { availableParallelism } from 'node:os'

// Key pairs are made on libuv's threads, four unless this is set before the first one starts; files are read on them, too.
process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, availableParallelism() + 2))
const { main } = await import('../lib/cli/main.js')
const { processIo } = await import('../lib/cli/process-io.js')

process.exit(await main(process.argv.slice(2), processIo()))
