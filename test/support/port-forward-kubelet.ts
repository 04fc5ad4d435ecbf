import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/*
 * The one thing of a kubelet that a forwarded port needs: over a WebSocket, data of the n-th port on channel 2n and its errors on
 * channel 2n + 1, each begun by the number of the port. It passes them on to that port of this machine.
 */

export interface PortForwardKubelet extends AsyncDisposable {
  readonly port: number;
  /** Paths that the API server has asked for. */
  readonly asked: readonly string[];
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PROTOCOL = 'v4.channel.k8s.io';
const [BINARY, CLOSE] = [0x2, 0x8];
const [DATA, ERRORS] = [0, 1];

export async function startPortForwardKubelet(
  certificate: { readonly cert: string; readonly key: string },
  podPort: number,
): Promise<PortForwardKubelet> {
  const asked: string[] = [];
  const tunnels = new Set<Duplex>();
  const server = createServer(certificate).on('upgrade', (request, socket: Duplex) => {
    asked.push(new URL(request.url ?? '', 'https://kubelet').pathname);
    tunnels.add(socket);
    const accept = createHash('sha1')
      .update(`${String(request.headers['sec-websocket-key'])}${GUID}`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\n\r\n`,
    );
    tunnel(socket, podPort);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

function tunnel(socket: Duplex, podPort: number): void {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(podPort);
  for (const channel of [DATA, ERRORS]) socket.write(frame(channel, number));
  const pod = connect(podPort, '127.0.0.1');
  pod.on('data', (data) => socket.write(frame(DATA, data)));
  pod.on('error', (error) => socket.write(frame(ERRORS, Buffer.from(error.message))));
  pod.on('close', () => socket.destroy());
  let received = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    for (let read = readFrame(received); read !== undefined; read = readFrame(received)) {
      received = received.subarray(read.size);
      if (read.opcode === CLOSE) socket.end();
      else if (read.payload[0] === DATA) pod.write(read.payload.subarray(1));
    }
  });
  socket.on('error', () => pod.destroy());
  socket.on('close', () => pod.destroy());
}

function frame(channel: number, data: Buffer): Buffer {
  const size = data.length + 1;
  const head = Buffer.alloc(10);
  head[0] = 0x80 | BINARY;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([head, Buffer.from([channel]), data]);
}

/** A whole frame at the beginning of the bytes; undefined while more of it is to come. Frames of clients are masked. */
function readFrame(bytes: Buffer) {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const lengthSize = short === 127 ? 8 : short === 126 ? 2 : 0;
  const begin = 2 + lengthSize + 4;
  if (bytes.length < begin) return undefined;
  const length =
    lengthSize === 8 ? Number(bytes.readBigUInt64BE(2)) : lengthSize === 2 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < begin + length) return undefined;
  const mask = bytes.subarray(begin - 4, begin);
  const payload = bytes.subarray(begin, begin + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return { opcode: (bytes[0] ?? 0) & 0xf, payload: Buffer.from(payload), size: begin + length };
}
