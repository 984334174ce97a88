/**
 * The last view made for reading and for writing. Consecutive points lie in the same buffer, so a view is created once
 * per buffer (64 kB), not per point. Assembling a word from four single bytes takes twice as long as reading it by a
 * view.
 */
let readBuf: Uint8Array = new Uint8Array(0);
let readView = viewOver(readBuf);
let writeBuf: Uint8Array = readBuf;
let writeView = readView;

/** A view for reading `buf`. */
export function viewToRead(buf: Uint8Array): DataView {
  if (buf !== readBuf) {
    readBuf = buf;
    readView = viewOver(buf);
  }
  return readView;
}

/** A view for writing to `buf`. */
export function viewToWrite(buf: Uint8Array): DataView {
  if (buf !== writeBuf) {
    writeBuf = buf;
    writeView = viewOver(buf);
  }
  return writeView;
}

function viewOver({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
