/**
 * What only Node can do: disks, hosts, keys on all cores.
 *
 * @module kpki/node
 */

export { ApiError, EncodingError, NetworkError, StoreError, UsageError } from './errors.js'
export { createNodeContext, generateNodeKeyPair } from './host/context.js'
export { DiskStore, type DiskStoreOptions } from './host/disk-store.js'
export { createFile, readRegularFile, stageFile } from './host/files.js'
export { type DetectedAddress, detectDefaultAddress, detectHostName } from './host/network.js'
export { type UpdateFileOptions, updateFile } from './host/update-file.js'
export { readDirectory, type WalkedFile, type WalkLimits } from './host/walk.js'
