const WITHHELD = '(withheld)'

/**
 * A text without what stands before the `@` of URLs in it, and of the values of variables whose names end with `_proxy`: user names
 * and passwords of proxies. A proxy may be written without `http://`.
 *
 * @param text - any, e.g. YAML, or lines of a diff
 */
export function withoutCredentials(text: string): string {
  return (
    withoutHeaders(text)
      .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/"'@]*(?:@[^\s/"'@]*)*@/gi, `$1${WITHHELD}@`)
      // Of a diff, the value that was there stands before the one that is planned.
      .replaceAll(
        /(name: ["']?\w*_proxy["']?\n-[ ]*value: [^\n]*\n\+[ ]*value: ["']?(?:\w+:\/\/)?)[^\n]*@/gi,
        `$1${WITHHELD}@`,
      )
      .replaceAll(/(name: ["']?\w*_proxy["']?\n[-+ ]?[ ]*value: ["']?(?:\w+:\/\/)?)[^\n]*@/gi, `$1${WITHHELD}@`)
  )
}

/** A KubeletConfiguration without the headers that a kubelet fetches Pods with. Of a diff, both sides are to go through this. */
export function withoutHeaders(text: string): string {
  return text.replaceAll(/^staticPodURLHeader:(?: .*|(?:\n[ -].*)+)$/gm, `staticPodURLHeader: ${WITHHELD}`)
}
