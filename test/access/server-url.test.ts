import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { showUrl } from '../../lib/access/server-url.js'

/** Passwords are SECRET in all of them. */
const ROWS: readonly (readonly [url: string, shown: string, hidden?: string])[] = [
  ['https://10.0.0.10:6443', 'https://10.0.0.10:6443'],
  ['https://[fd00::1]:6443', 'https://[fd00::1]:6443'],
  ['https://rancher.example/k8s/clusters/c-x', 'https://rancher.example/k8s/clusters/c-x'],
  ['localhost:8080', 'localhost:8080'],
  ['', ''],
  ['https://user:SECRET@host:6443/a', 'https://***@host:6443/a', 'a user name or password'],
  ['https://SECRET@host', 'https://***@host', 'a user name or password'],
  ['user:SECRET@host', '***@host', 'a user name or password'],
  ['https://host/?token=SECRET', 'https://host/?***', 'a query'],
  ['https://host#SECRET', 'https://host#***', 'a query'],
  ['https://u:SECRET@host/?token=SECRET', 'https://***@host/?***', 'a user name or password and a query'],
  ['https://host/?mail=a@SECRET', 'https://***', 'a user name or password and a query'],
  // Misspelt: what is the host is not clear.
  ['https://user:SECRET/more@host', 'https://***', 'a user name or password'],
  ['https://user:SECRET?more@host', 'https://***', 'a user name or password and a query'],
  ['https://user:SECRET%40host', 'https://***', 'a user name or password'],
  ['https://a@SECRET:b@host', 'https://***@host', 'a user name or password'],
  ['https:/user:SECRET@host', '***', 'a user name or password'],
  ['https:user:SECRET@host', '***@host', 'a user name or password'],
]

for (const [url, text, hidden] of ROWS)
  test(`shown of ${url || 'nothing'}`, () => {
    const shown = showUrl(url)
    assert.equal([shown.text, shown.hidden], [text, hidden])
    assert.not.match(shown.text, 'SECRET')
  })

test.run()
