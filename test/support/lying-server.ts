/** HTTPS servers in this process that do what servers should not, with certificates of our own making. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import {
  type Certificate,
  createContext,
  formatCertificate,
  formatPrivateKey,
  generateKey,
  type Issuer,
  issueCertificate,
} from '../../lib/index.js'

/** A certificate and its key, PEM; the certificate's issuers may follow it. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

/** What a certificate of a {@link TestCa} is to say. */
export interface LeafOptions {
  readonly commonName?: string
  readonly organizations?: readonly string[]
  /** Default: localhost */
  readonly dnsNames?: readonly string[]
  /** Default: 127.0.0.1 and ::1 */
  readonly ipAddresses?: readonly string[]
  /** Hours from now. Default: -1 and 1 */
  readonly fromHours?: number
  readonly toHours?: number
  readonly use?: 'serverAuth' | 'clientAuth'
}

// OpenSSL looks at the system's clock, so these certificates are made by it.
const context = createContext()
const hours = (count: number) => new Date(Date.now() + count * 3_600_000)

/** A CA that signs whatever a test wants. */
export class TestCa {
  readonly issuer: Issuer
  readonly pem: string

  private constructor(issuer: Issuer) {
    this.issuer = issuer
    this.pem = formatCertificate(issuer.certificate)
  }

  /** @param parent - of an intermediate CA. Default: a root */
  static async create(commonName = 'kubernetes', parent?: TestCa): Promise<TestCa> {
    const key = await generateKey('ECDSA-P256', context)
    const certificate = await issueCertificate(
      {
        commonName,
        spki: key.spki,
        isCa: true,
        keyUsages: ['digitalSignature', 'keyCertSign'],
        notBefore: hours(-100),
        notAfter: hours(100),
      },
      parent ? parent.issuer : { key },
      context,
    )
    return new TestCa({ certificate, key })
  }

  /** One that is there already. */
  static of(issuer: Issuer): TestCa {
    return new TestCa(issuer)
  }

  async issue(options: LeafOptions = {}): Promise<Pair & { readonly certificate: Certificate }> {
    const key = await generateKey('ECDSA-P256', context)
    const certificate = await issueCertificate(
      {
        commonName: options.commonName ?? 'kube-apiserver',
        organizations: options.organizations ?? [],
        spki: key.spki,
        isCa: false,
        keyUsages: ['digitalSignature'],
        extKeyUsages: [options.use ?? 'serverAuth'],
        dnsNames: options.dnsNames ?? ['localhost'],
        ipAddresses: options.ipAddresses ?? ['127.0.0.1', '::1'],
        notBefore: hours(options.fromHours ?? -1),
        notAfter: hours(options.toHours ?? 1),
      },
      this.issuer,
      context,
    )
    return { cert: formatCertificate(certificate), key: formatPrivateKey(key), certificate }
  }
}

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What a server is started with. */
export interface FakeServerOptions {
  /** Default: plain HTTP */
  readonly pair?: Pair | undefined
  /** Asks its clients for certificates of this CA, and turns others away. Default: asks for none */
  readonly clientCa?: string
  readonly answer?: RequestListener
  /** Takes connections instead of TLS and HTTP. */
  readonly onConnection?: (socket: Socket) => void
  readonly maxVersion?: tls.SecureVersion
  /** Makes a proxy of it. */
  readonly onConnect?: (request: IncomingMessage, socket: Duplex) => void
  /** Default: any that is free */
  readonly port?: number
}

/** A server on 127.0.0.1 that remembers all that it was told. */
export class FakeServer {
  readonly requests: SeenRequest[] = []
  /** All that came in and could be read, decrypted: to look for what should never have been sent. */
  received = ''
  /** Which names were asked for in handshakes; `false` where none was. */
  readonly serverNames: (string | false | null)[] = []
  /** Connections so far. */
  connections = 0
  readonly #sockets = new Set<Socket>()
  readonly #server: net.Server
  port = 0

  private constructor(server: net.Server) {
    this.#server = server
  }

  static async start(options: FakeServerOptions): Promise<FakeServer> {
    const { pair, clientCa, answer, onConnection, onConnect, maxVersion } = options
    const plain = createServer((request, response) => {
      const chunks: Buffer[] = []
      fake.received += [request.method, request.url, ...request.rawHeaders].join(' ')
      request.on('error', () => {})
      response.on('error', () => {})
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        fake.requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
        fake.received += Buffer.concat(chunks).toString('latin1')
        answer?.(request, response)
      })
    })
    if (onConnect) {
      plain.on('connect', (request: IncomingMessage, socket: Duplex) => {
        const { method = '', url = '', headers } = request
        fake.requests.push({ method, url, headers, body: '' })
        fake.received += [method, url, ...request.rawHeaders].join(' ')
        onConnect(request, socket)
      })
    }
    // In TLS 1.3 the handshake is over for the client before the server has looked at its certificate.
    const secure = pair
      ? tls.createServer({
          ...pair,
          ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
          ...(maxVersion === undefined ? {} : { maxVersion, minVersion: maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }),
        })
      : undefined
    secure?.on('secureConnection', (socket: tls.TLSSocket) => {
      fake.#keep(socket)
      fake.serverNames.push(socket.servername ?? null)
      plain.emit('connection', socket)
    })
    secure?.on('tlsClientError', () => {})
    const server = onConnection ? net.createServer() : (secure ?? plain)
    const fake = new FakeServer(server)
    server.on('connection', (socket: Socket) => {
      fake.connections++
      fake.#keep(socket)
      if (!onConnection) return
      socket.on('data', chunk => {
        fake.received += chunk.toString('latin1')
      })
      onConnection(socket)
    })
    await new Promise<void>(resolve => server.listen(options.port ?? 0, '127.0.0.1', resolve))
    fake.port = (server.address() as AddressInfo).port
    return fake
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #keep(socket: Socket): void {
    socket.on('error', () => {})
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  const body = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}

/** Writes the same again and again until nobody listens. */
function forEver(response: ServerResponse, piece: string, everyMs: number): void {
  const timer = setInterval(() => response.write(piece), everyMs)
  response.once('close', () => clearInterval(timer))
}

/** Ways of answering that are none; what each must end with. */
export const LIES: Readonly<Record<string, { readonly code: string; readonly answer: RequestListener }>> = {
  'hangs before it answers': { code: 'KPKI_NET_TIMEOUT', answer: () => {} },
  'hangs in its head': {
    code: 'KPKI_NET_TIMEOUT',
    answer: request => request.socket.write('HTTP/1.1 200 OK\r\ncontent-le'),
  },
  'hangs in its body': {
    code: 'KPKI_NET_TIMEOUT',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{')
    },
  },
  'drips its head': {
    code: 'KPKI_NET_TIMEOUT',
    answer: request => {
      request.socket.write('HTTP/1.1 200 OK\r\nx: ')
      const timer = setInterval(() => request.socket.write('x'), 20)
      request.socket.once('close', () => clearInterval(timer))
    },
  },
  'drips its body': {
    code: 'KPKI_NET_TIMEOUT',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': 100_000 })
      forEver(response, '{', 20)
    },
  },
  'goes on with interim answers': {
    code: 'KPKI_NET_TIMEOUT',
    answer: request => {
      const timer = setInterval(() => request.socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 20)
      request.socket.once('close', () => clearInterval(timer))
    },
  },
  'cuts its body off': {
    code: 'KPKI_NET_RESPONSE',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{"kind":', () => response.socket?.end())
    },
  },
  'resets in its body': {
    code: 'KPKI_NET_RESPONSE',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{"kind":', () => response.socket?.destroy())
    },
  },
  'cuts its chunks off': {
    code: 'KPKI_NET_RESPONSE',
    answer: request => {
      request.socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n', () =>
        request.socket.end(),
      )
    },
  },
  'says no length': {
    code: 'KPKI_NET_RESPONSE',
    answer: request => {
      request.socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}')
    },
  },
  'sends without end': {
    code: 'KPKI_NET_RESPONSE',
    answer: (_request, response) => {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    },
  },
  'says that much comes': {
    code: 'KPKI_NET_RESPONSE',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': 2 ** 40 }).write('x'.repeat(2 ** 21))
    },
  },
  'has a head without end': {
    code: 'KPKI_NET_RESPONSE',
    answer: request => {
      request.socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`)
    },
  },
  'speaks another language': {
    code: 'KPKI_NET_RESPONSE',
    answer: request => {
      request.socket.end('220 mail.example.org ESMTP\r\n')
    },
  },
  compresses: {
    code: 'KPKI_NET_RESPONSE',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 2 }).end('xx')
    },
  },
  'switches protocols': {
    code: 'KPKI_NET_RESPONSE',
    answer: request => {
      request.socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    },
  },
  'hangs up before it answers': { code: 'KPKI_NET_UNREACHABLE', answer: request => request.socket.destroy() },
}
