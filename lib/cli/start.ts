/** What every command line needs, so that the bundle has one file of it. */
export { main } from './main.js'
export { processIo } from './process-io.js'
