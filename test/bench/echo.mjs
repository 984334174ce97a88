/**
 * The yardstick where there is no C compiler: what echo.c does, in plain Node. Run without arguments it speaks on
 * standard input and output, else on the Unix socket that is named.
 */
import { createServer } from 'node:net';
import { infoByte, initByte, keepaliveByte, restoreByte, snapshotByte, tag, varint } from './corpus/tags.mjs';

/** Of the field 1 of an answer, an enum or a bool. */
const valueTag = tag(1, varint);

function answer(kind, frame) {
  if (kind === infoByte) return Buffer.of(4, infoByte, 2, valueTag, 0);
  if (kind === initByte || kind === restoreByte) return Buffer.of(4, kind, 2, valueTag, 1);
  if (kind === snapshotByte) return Buffer.of(2, snapshotByte, 0);
  if (kind === keepaliveByte) return frame;
  throw new Error(`unknown request ${kind}`);
}

function serve(input, output) {
  let rest = Buffer.alloc(0);
  input.on('data', (chunk) => {
    const buf = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    let run = 0;
    const send = () => {
      if (at > run && !output.write(buf.subarray(run, at))) input.pause();
      run = at;
    };
    for (;;) {
      let payload = at;
      let size = 0;
      let scale = 1;
      while (buf[payload] > 0x7f) {
        size += (buf[payload++] & 0x7f) * scale;
        scale *= 0x80;
      }
      if (payload >= buf.length) break;
      size += buf[payload++] * scale;
      if (payload + size > buf.length) break;
      if (buf[payload] < 0x80) {
        send();
        output.write(answer(buf[payload], buf.subarray(at, payload + size)));
        run = payload + size;
      }
      at = payload + size;
    }
    send();
    rest = buf.subarray(at);
  });
  output.on('drain', () => input.resume());
  input.on('end', () => output.end());
  output.on('error', () => input.destroy());
}

const [path] = process.argv.slice(2);
if (path === undefined) serve(process.stdin, process.stdout);
else createServer({ allowHalfOpen: true }, (socket) => serve(socket, socket)).listen(path);
