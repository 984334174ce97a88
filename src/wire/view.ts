/**
 * Views for access by more than a byte, one each for the buffer that is read and the one that is written: neighbours lie
 * in one buffer, so a view is made per 64 kB, not per point. Four bytes put together from one each take twice as long.
 */
let readBuf: Uint8Array = new Uint8Array(0);
let readView = viewOver(readBuf);
let writeBuf: Uint8Array = readBuf;
let writeView = readView;

/** A view to read `buf` through. */
export function viewToRead(buf: Uint8Array): DataView {
  if (buf !== readBuf) {
    readBuf = buf;
    readView = viewOver(buf);
  }
  return readView;
}

/** A view to write `buf` through. */
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
