#!/usr/bin/env node
import { availableParallelism } from 'node:os'

// Key pairs are made on libuv's threads, four unless this is set before the first one starts; files are read on them, too.
process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, availableParallelism() + 2))
const { main, processIo } = await import('../lib/cli/start.js')

process.exit(await main(process.argv.slice(2), processIo()))
