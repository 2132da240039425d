/** Stands in place of what is not shown. */
const HIDDEN = '***'

/** A URL as it may be shown. */
export interface ShownUrl {
  readonly text: string
  /** What is not shown, in words, e.g. `a user name or password`; `undefined` when nothing is left out. */
  readonly hidden: string | undefined
}

/**
 * A URL without what may be a credential: user name and password, query and fragment.
 *
 * Takes any text, because people misspell URLs, too: where it is not clear what is the host, nothing of it is shown.
 *
 * @see RFC 3986 section 3.2.1 (userinfo), 7.5 (sensitive information)
 */
export function showUrl(url: string): ShownUrl {
  const [, scheme = '', authority = '', path = '', rest = ''] =
    /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)?([^/?#]*)([^?#]*)(.*)$/s.exec(url) ?? []
  const at = authority.lastIndexOf('@')
  const host = authority.slice(at + 1)
  // A password with a slash in it ends the host too early; what follows is then a part of it.
  const isSplit = path.includes('@') || rest.includes('@') || host.includes('%40')
  const isHost = /^(?:\[[0-9A-Fa-f:.%]*\]|[^:@]*)(?::[0-9]{0,5})?$/.test(host)
  const isHidden = !isHost || (isSplit && (at < 0 || path.includes('@')))
  const shownUser = at < 0 ? '' : `${HIDDEN}@`
  const kinds = [...(at >= 0 || isHidden ? ['a user name or password'] : []), ...(rest === '' ? [] : ['a query'])]
  return {
    text: isHidden
      ? `${scheme}${HIDDEN}`
      : `${scheme}${shownUser}${host}${path}${rest === '' ? '' : `${rest[0]}${HIDDEN}`}`,
    hidden: kinds.length === 0 ? undefined : kinds.join(' and '),
  }
}
