// Loaded before a program: writes the most memory that its process had, in KiB, to the file that PEAK_FILE names.
import { writeFileSync } from 'node:fs'

process.on('exit', () => writeFileSync(process.env['PEAK_FILE'] ?? '', String(process.resourceUsage().maxRSS)))
