import type { Rule } from '../rule.js'

/** What can be wrong with files as such. */
export const FILE_RULES = {
  unreadable: {
    group: 'files',
    severity: 'error',
    about: 'the file cannot be read as what it should be',
    why: 'Whoever needs it finds nothing in it.',
    fix: 'Restore it from a backup, or move it away to have it made anew.',
  },
  'nothing-found': {
    group: 'files',
    severity: 'error',
    about: 'what was named holds nothing that can be checked',
    why: 'That nothing is amiss in it would say nothing: a volume may not be mounted, a name mistyped, a file of another kind.',
    fix: 'Name the tree with --dir, also where it is an archive; other files of certificates, keys and kubeconfigs as they are.',
  },
  'not-opened': {
    group: 'files',
    severity: 'info',
    about: 'the file is an archive, a key store or encrypted, and is not opened',
    why: 'Certificates and keys may be in it, of which nothing is said.',
    fix: 'Take out what is in it and have that checked: kpki check FILE.',
  },
  'not-regular': {
    group: 'files',
    severity: 'error',
    about: 'the name of a file leads to none: to a pipe, a device, a directory, nothing, or itself',
    why: 'Whoever needs the file waits for something that never comes, or finds nothing.',
    fix: 'Put the file there, or remove what is in its place.',
  },
  'link-outside': {
    group: 'files',
    severity: 'warning',
    about: 'a link leads out of the directory that is looked at, and is not followed',
    why: 'What it leads to was not looked at. In a tree that was copied it is a file of another host.',
    fix: 'Put the file itself in its place, or name what the link leads to.',
  },
  'field-twice': {
    group: 'files',
    severity: 'warning',
    about: 'the file has a field twice, of which programs take different ones',
    why: 'What one program shows is not what another one uses.',
    fix: 'Remove one of them.',
  },
  'secret-exposed': {
    group: 'files',
    severity: 'error',
    about: 'a private key stands in a file that is public',
    why: 'Certificates are copied to everybody; whoever has one has the key, too.',
    fix: 'Take the key out of it, consider it known, and have key and certificate made anew.',
  },
  'mode-writable': {
    group: 'files',
    severity: 'warning',
    about: 'others can write to the file',
    why: 'Whoever writes to it decides whom the cluster trusts.',
    fix: 'chmod go-w it.',
  },
  'mode-open': {
    group: 'files',
    severity: 'warning',
    about: 'others can read a secret',
    why: 'Whoever reads a private key is who it belongs to, until its certificate ends: Kubernetes revokes nothing.',
    fix: 'chmod 600 it; if others were there meanwhile, have it made anew.',
  },
  'owner-foreign': {
    group: 'files',
    severity: 'warning',
    about: 'the file belongs to somebody else',
    why: 'Its owner can change it, whatever its mode says.',
    fix: 'chown it.',
  },
  'change-unfinished': {
    group: 'files',
    severity: 'error',
    about: 'kpki apply, renew or undo was killed while it changed the tree',
    why: 'Some files are the old ones and some the new ones: what restarts now may find a key beside the certificate of another one.',
    fix: 'kpki undo takes back what was begun; kpki apply and kpki renew do that first.',
  },
  'too-many': {
    group: 'files',
    severity: 'warning',
    about: 'there is more than is looked at',
    why: 'What was not looked at may be wrong.',
    fix: 'Look at the files one by one, or at one directory at a time.',
  },
} as const satisfies Record<string, Rule>
