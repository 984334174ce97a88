import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { UdfLog } from 'kapacitor-udf';
import { UdfError } from 'kapacitor-udf';
import { describeModel, type ModelDescription } from './model-file.js';
import { createSession, quiet, type Session, type Tensor } from './runtime.js';

/** Min time between two checks of a model's file. */
const checkIntervalMs = 1000;

/** The models in use, by file and signature. An entry is removed after its model was garbage-collected. */
const models = new Map<string, WeakRef<SharedModel>>();

/** What is released with a model: it must not refer to it. */
interface Holder {
  readonly key: string;
  session: Promise<Session>;
}

const releases = new FinalizationRegistry<Holder>(({ key, session }) => {
  if (models.get(key)?.deref() === undefined) models.delete(key);
  release(session);
});

/** The description of the model in a file, and what to score with it. Throws `invalid_options` if the file has no model. */
export function openModel(path: string): {
  readonly description: ModelDescription;
  readonly open: () => SharedModel;
} {
  const stamp = stampOf(path);
  let bytes: Buffer;
  try {
    if (stamp === notRegular) throw new Error('it is no regular file');
    bytes = readFileSync(path);
  } catch (error) {
    const reason = UdfError.from(error).message;
    throw new UdfError('invalid_options', `predict: .model(): '${path}' cannot be read (${reason})`, {
      cause: error,
    });
  }
  const description = describeModel(bytes);
  if (typeof description === 'string') {
    throw new UdfError('invalid_options', `predict: .model(): '${path}' is no ONNX model (${description})`);
  }
  return { description, open: () => SharedModel.open(path, description, bytes, stamp) };
}

/**
 * A model that all uses of its file share. It is loaded again when the file has changed, if the new one has the same inputs and
 * outputs; else the old one stays.
 */
export class SharedModel {
  readonly path: string;
  readonly #signature: string;
  readonly #holder: Holder;
  /** The session before the last change, until the new one has scored. */
  #previous: Promise<Session> | undefined;
  /** Of the file that was read last. */
  #stamp: string;
  /** Of the file at the last check. */
  #seen: string;
  #nextCheck = 0;
  /** The end of the last run: the runtime does not take two at once. */
  #last: Promise<unknown> = Promise.resolve();
  /** Of the use that scored last. */
  log: UdfLog | undefined;

  static open(path: string, description: ModelDescription, bytes: Uint8Array, stamp: string): SharedModel {
    const signature = JSON.stringify(description);
    const key = `${path}\n${signature}`;
    const shared = models.get(key)?.deref();
    if (shared) {
      shared.#replaceAtOnce(bytes, stamp);
      return shared;
    }
    const model = new SharedModel(path, signature, { key, session: load(bytes) }, stamp);
    models.set(key, new WeakRef(model));
    return model;
  }

  private constructor(path: string, signature: string, holder: Holder, stamp: string) {
    this.path = path;
    this.#signature = signature;
    this.#holder = holder;
    this.#stamp = this.#seen = stamp;
    releases.register(this, holder);
  }

  /** Resolves when the model is loaded. Rejects with `handler` if it cannot be. */
  async ready(): Promise<void> {
    try {
      await this.#holder.session;
    } catch (error) {
      throw new UdfError('handler', `the model '${this.path}' cannot be loaded: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Runs the model, after the runs that were asked for before. Rejects if it cannot take the inputs. */
  run(inputs: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Record<string, Tensor>> {
    return this.#inTurn(async () => {
      const session = await this.#holder.session;
      const previous = this.#previous;
      if (!previous) return session.run(inputs, outputs, quiet);
      this.#previous = undefined;
      try {
        const result = await session.run(inputs, outputs, quiet);
        release(previous);
        return result;
      } catch (error) {
        const result = await (await previous).run(inputs, outputs, quiet); // fails as well if the inputs are wrong
        this.#holder.session = previous;
        this.#refuse(`it fails: ${reasonOf(error)}`);
        return result;
      }
    });
  }

  /** Loads the file again if it has changed, but not since the last check: it may be half written. */
  reloadIfChanged(): void {
    const now = performance.now();
    if (now < this.#nextCheck) return;
    this.#nextCheck = now + checkIntervalMs;
    const stamp = stampOf(this.path);
    if (stamp === this.#stamp || stamp !== this.#seen) {
      this.#seen = stamp;
      return;
    }
    this.#stamp = stamp;
    void this.#reload();
  }

  async #reload(): Promise<void> {
    try {
      if (this.#stamp === notRegular) throw new Error('it is no regular file');
      const bytes = await readFile(this.path);
      const description = describeModel(bytes);
      if (typeof description === 'string') {
        this.#refuse(`it is no ONNX model (${description})`);
      } else if (JSON.stringify(description) !== this.#signature) {
        this.#refuse('its inputs, outputs or classes are others; enable the tasks anew to use it');
      } else {
        const session = await createSession(bytes);
        await this.#inTurn(() => {
          this.#change(Promise.resolve(session));
        });
        this.log?.info(`the file of the model '${this.path}' has changed, and is loaded`);
      }
    } catch (error) {
      this.#refuse(reasonOf(error));
    }
  }

  /** Uses the present file without waiting for the next check: a task has just started. */
  #replaceAtOnce(bytes: Uint8Array, stamp: string): void {
    if (stamp === this.#stamp) return;
    this.#stamp = this.#seen = stamp;
    const session = load(bytes);
    void this.#inTurn(async () => {
      try {
        await session;
        this.#change(session);
      } catch (error) {
        this.#refuse(reasonOf(error));
      }
    });
  }

  #change(session: Promise<Session>): void {
    const old = this.#previous ?? this.#holder.session;
    if (this.#previous) release(this.#holder.session);
    this.#holder.session = session;
    this.#previous = old;
    old.catch(() => {
      if (this.#previous === old) this.#previous = undefined;
    });
  }

  #refuse(reason: string): void {
    this.log?.warn(
      `the file of the model '${this.path}' has changed, but the old model stays in use: ${reason}`,
    );
  }

  #inTurn<Result>(act: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Loads a model. A rejection is not reported as unhandled, as it may be awaited later. */
function load(bytes: Uint8Array): Promise<Session> {
  const session = createSession(bytes);
  session.catch(() => undefined);
  return session;
}

function release(session: Promise<Session>): void {
  session.then((loaded) => loaded.release()).catch(() => undefined);
}

/** The stamp of a pipe, a device or a directory: reading it may never end. */
const notRegular = 'no file';

/** Identifies a version of a file; empty if it cannot be examined. */
function stampOf(path: string): string {
  try {
    const stats = statSync(path, { bigint: true });
    return stats.isFile() ? `${stats.ino} ${stats.size} ${stats.mtimeNs}` : notRegular;
  } catch {
    return ''; // reading it reports why
  }
}

function reasonOf(error: unknown): string {
  return UdfError.from(error).message.split('\n', 1)[0]!;
}
