import type { Run } from './commands.js'
export const runPrint: Run = async () => 1
export const runShow: Run = async () => 1
export const runValidate: Run = async () => 1
export const runMigrate: Run = async () => 1
