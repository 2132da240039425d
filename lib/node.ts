/**
 * What only Node can do: disks, hosts, keys on all cores.
 *
 * @module kpki/node
 */

export { ApiError, EncodingError, NetworkError, StoreError, UsageError, VerifyError, WorkflowError } from './errors.js'
export { type ConnectOptions, connectCluster } from './host/api-client.js'
export type { RetryOptions } from './host/api-transport.js'
export { connectAdministrator } from './host/connect-admin.js'
export { createNodeContext, generateNodeKeyPair } from './host/context.js'
export { type DirectoryStoreOptions, directoryHost, directoryStore } from './host/directory-host.js'
export {
  type DiscoverClusterOptions,
  discoverCluster,
  type FetchServerCasOptions,
  fetchServerCas,
} from './host/discovery.js'
export { fileNotFound } from './host/disk-errors.js'
export { DiskStore, type DiskStoreOptions } from './host/disk-store.js'
export { createFile, exists as fileExists, isRegularFile, readPieces, readRegularFile } from './host/files.js'
export { type FoundTree, findTree } from './host/find-tree.js'
export {
  defaultKubeconfig,
  kubeconfigPaths,
  kubeconfigsBeside,
  movedPath,
  pathBeside,
} from './host/kubeconfig-paths.js'
export { type DetectedAddress, detectDefaultAddress, detectHostName } from './host/network.js'
export { type NodeHostOptions, nodeHost } from './host/node-host.js'
export { type PlacedFile, placeFile } from './host/placed-file.js'
export { programExists } from './host/programs.js'
export type { Environment } from './host/proxy.js'
export { type UpdateFileOptions, updateFile } from './host/update-file.js'
export { readDirectory, streamFiles, type WalkedFile, type WalkLimits } from './host/walk.js'
