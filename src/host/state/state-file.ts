import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { readHeader, type SnapshotHeader } from '../../agent/state/header.js';
import type { UseId } from '../../model/statistics.js';
import { replaceFile } from '../../files/atomic-file.js';
import { UdfError } from '../../model/errors.js';

/**
 * A state file: `KUDS`, the format's version as one byte, the length of the identity (32 bits, little-endian), the identity
 * as JSON, the snapshot, and the CRC-32 of all that.
 */
const magic = Buffer.from('KUDS', 'latin1');
const formatVersion = 1;
const prefixBytes = magic.length + 1 + 4;
const checksumBytes = 4;

/** Max bytes of an identity: names of tasks, nodes and UDFs are short. */
const maxIdentityBytes = 64 * 1024;

/** Max bytes that are written, read or summed at once. */
const chunkBytes = 1024 * 1024;

export const stateExtension = '.state';
/** A snapshot that is to replace the state of a use, which may be running. */
export const resetExtension = '.reset';

/** What a state file says about its snapshot. */
export interface StateIdentity extends UseId {
  /** When the state was saved, in Unix milliseconds. */
  readonly savedAt: number;
  /** Length of the snapshot. */
  readonly bytes: number;
}

/**
 * The name of a use's files without extension: readable parts of its names, then a hash, as names may hold any characters
 * and be long.
 */
export function stateFileName({ udf, task, node }: UseId): string {
  const readable = [udf, task, node].map((name) => name.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 40));
  const hash = createHash('sha256')
    .update(JSON.stringify([udf, task, node]))
    .digest('hex')
    .slice(0, 16);
  return [...readable, hash].join('.');
}

/** Writes a snapshot, given in pieces. Rejects with the system's error. */
export async function writeStateFile(path: string, use: UseId, pieces: readonly Buffer[]): Promise<void> {
  const { udf, task, node } = use;
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const identity: StateIdentity = { udf, task, node, savedAt: Date.now(), bytes };
  const json = Buffer.from(JSON.stringify(identity));
  const prefix = Buffer.alloc(prefixBytes);
  magic.copy(prefix);
  prefix[magic.length] = formatVersion;
  prefix.writeUInt32LE(json.length, magic.length + 1);
  await replaceFile(path, async (file) => {
    let checksum = 0;
    let waiting: Buffer[] = [];
    let size = 0;
    const flush = async (): Promise<void> => {
      await writeAll(file, waiting);
      waiting = [];
      size = 0;
    };
    for (const chunk of chunksOf([prefix, json, ...pieces])) {
      checksum = crc32(chunk, checksum);
      waiting.push(chunk);
      size += chunk.length;
      if (size >= chunkBytes) await flush();
    }
    const trailer = Buffer.alloc(checksumBytes);
    trailer.writeUInt32LE(checksum);
    waiting.push(trailer);
    await flush();
  });
}

async function writeAll(file: FileHandle, buffers: readonly Buffer[]): Promise<void> {
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  const { bytesWritten } = await file.writev(buffers);
  // A full disk may take a part: writing the rest reports the error.
  if (bytesWritten < length) await file.writeFile(Buffer.concat(buffers).subarray(bytesWritten));
}

function* chunksOf(pieces: readonly Buffer[]): Generator<Buffer> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += chunkBytes) yield piece.subarray(at, at + chunkBytes);
  }
}

/** Reads a state file. Rejects with the system's error, or `snapshot_damaged` if it is not intact. */
export async function readStateFile(
  path: string,
): Promise<{ readonly identity: StateIdentity; readonly snapshot: Buffer }> {
  const file = await open(path, 'r');
  try {
    const { identity, start } = await readIdentity(file, path);
    const { size } = await file.stat();
    if (size !== start + identity.bytes + checksumBytes) throw damagedFile(path, 'its length is wrong');
    const content = Buffer.allocUnsafeSlow(size);
    await readFully(file, content, 0, path);
    let checksum = 0;
    for (const chunk of chunksOf([content.subarray(0, size - checksumBytes)])) {
      checksum = crc32(chunk, checksum);
      await yieldToEventLoop();
    }
    if (checksum !== content.readUInt32LE(size - checksumBytes)) {
      throw damagedFile(path, 'its checksum is wrong');
    }
    return { identity, snapshot: content.subarray(start, size - checksumBytes) };
  } finally {
    await file.close();
  }
}

/**
 * Reads what a state file says about its snapshot, and the snapshot's header, without the groups. Rejects with the system's
 * error, `snapshot_damaged`, or what `readHeader` throws.
 */
export async function readStateHeader(
  path: string,
): Promise<{ readonly identity: StateIdentity; readonly header: SnapshotHeader }> {
  const file = await open(path, 'r');
  try {
    const { identity, start } = await readIdentity(file, path);
    const head = Buffer.alloc(Math.min(identity.bytes, chunkBytes));
    await readFully(file, head, start, path);
    return { identity, header: readHeader(head, identity.bytes).header };
  } finally {
    await file.close();
  }
}

/** The header of a snapshot in pieces. Throws what `readHeader` throws. */
export function headerOfPieces(pieces: readonly Buffer[]): SnapshotHeader {
  const head: Buffer[] = [];
  let headBytes = 0;
  for (const piece of pieces) {
    if (headBytes >= maxIdentityBytes) break;
    headBytes += head[head.push(piece) - 1]!.length;
  }
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  return readHeader(head.length === 1 ? head[0]! : Buffer.concat(head), size).header;
}

async function readIdentity(
  file: FileHandle,
  path: string,
): Promise<{ readonly identity: StateIdentity; readonly start: number }> {
  const prefix = Buffer.alloc(prefixBytes);
  await readFully(file, prefix, 0, path);
  if (!prefix.subarray(0, magic.length).equals(magic)) throw damagedFile(path, 'it is not a state file');
  if (prefix[magic.length] !== formatVersion) {
    throw new UdfError('snapshot_newer', `${path} was written by a newer version of kapacitor-udf`);
  }
  const length = prefix.readUInt32LE(magic.length + 1);
  if (length > maxIdentityBytes) throw damagedFile(path, 'its identity is too long');
  const json = Buffer.alloc(length);
  await readFully(file, json, prefixBytes, path);
  let identity: unknown;
  try {
    identity = JSON.parse(json.toString());
  } catch {
    throw damagedFile(path, 'its identity is not JSON');
  }
  if (!isIdentity(identity)) throw damagedFile(path, 'its identity is incomplete');
  return { identity, start: prefixBytes + length };
}

function isIdentity(value: unknown): value is StateIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { udf, task, node, savedAt, bytes } = value as { readonly [Key in keyof StateIdentity]?: unknown };
  return (
    [udf, task, node].every((name) => typeof name === 'string') &&
    [savedAt, bytes].every((count) => Number.isSafeInteger(count) && (count as number) >= 0)
  );
}

async function readFully(file: FileHandle, into: Buffer, position: number, path: string): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw damagedFile(path, 'it ends early');
    at += bytesRead;
  }
}

function damagedFile(path: string, why: string): UdfError {
  return new UdfError('snapshot_damaged', `the state file ${path} is damaged: ${why}`);
}
