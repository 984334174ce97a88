import { createRequire } from 'node:module';
import { UdfError } from 'kapacitor-udf';

/** The elements of a tensor, row by row. */
export type TensorData =
  Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | readonly string[];

export interface Tensor {
  readonly type: string;
  readonly data: TensorData;
  readonly dims: readonly number[];
}

/** A loaded model. */
export interface Session {
  /** Computes the named outputs. Rejects if the model cannot take the inputs. */
  run(
    inputs: Readonly<Record<string, Tensor>>,
    outputs: readonly string[],
    options: { readonly logSeverityLevel: 4 },
  ): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** What is used of ONNX Runtime: its packages for Node.js and for the web have the same interface. */
export interface Runtime {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: string, data: TensorData, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session>;
  };
}

/** The native one is faster with large models, and not there for every system. */
const packages = ['onnxruntime-node', 'onnxruntime-web'];

const { resolve } = createRequire(import.meta.url);

/** What to install if no package of ONNX Runtime is there; `undefined` if one is. */
export function runtimeProblem(isThere = isInstalled): string | undefined {
  if (packages.some((name) => isThere(name))) return undefined;
  return (
    'ONNX Runtime is not installed; install it beside kapacitor-udf: npm install onnxruntime-node@1, ' +
    'or onnxruntime-web@1 where there are no native binaries (Alpine Linux)'
  );
}

function isInstalled(name: string): boolean {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

let loaded: Promise<Runtime> | undefined;

/** Loads ONNX Runtime, once. Rejects with `handler` if no installed package of it can be loaded. */
export function loadRuntime(): Promise<Runtime> {
  loaded ??= importRuntime();
  return loaded;
}

/** A package that is installed, and why it cannot be loaded. */
interface FailedPackage {
  readonly name: string;
  readonly reason: unknown;
}

/** Which packages cannot be loaded, why, and what to do: one line, though errors of native binaries take several. */
export function loadingProblem(failures: readonly FailedPackage[]): string {
  const reasons = failures.map(({ name, reason }) => {
    const message = reason instanceof Error ? reason.message : String(reason);
    return `${name} is installed, but cannot be loaded: ${message.replace(/\s*[\r\n]+\s*/g, ' ')}`;
  });
  return (
    `${reasons.join('; ')}; install it anew for this Node.js and system (${process.version}, ${process.platform} ${process.arch}), ` +
    'or install onnxruntime-web@1, which has no native binary'
  );
}

async function importRuntime(): Promise<Runtime> {
  const failures: FailedPackage[] = [];
  for (const name of packages.filter(isInstalled)) {
    try {
      const module = (await import(name)) as Runtime & { readonly default?: Runtime }; // as documented
      const runtime = module.default ?? module;
      // The threads of WebAssembly would be worker threads, which keep the process from ending.
      runtime.env.wasm.numThreads = 1;
      return runtime;
    } catch (reason) {
      failures.push({ name, reason });
    }
  }
  const problem = runtimeProblem() ?? loadingProblem(failures);
  throw new UdfError('handler', problem, { cause: failures[0]?.reason });
}

/** What fails is reported by rejections, and need not be written to the console too. */
export const quiet = { logSeverityLevel: 4 } as const;

/** Loads a model for one thread: points are many, and models for points are small. */
export async function createSession(model: Uint8Array): Promise<Session> {
  const runtime = await loadRuntime();
  return runtime.InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    ...quiet,
  });
}
