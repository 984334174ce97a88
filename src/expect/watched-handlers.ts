import { counted } from '../model/text.js';
import type { EdgeType } from '../model/values.js';
import type { Handlers, UdfDefinition } from '../udf/definition.js';
import { keepSource } from '../udf/definition-source.js';
import { setWhyEmpty } from './output-notes.js';

/** The handlers, and what each call of one is for. */
const inputs = {
  point: ['point', 'points'],
  batch: ['batch', 'batches'],
  beginBatch: ['batch', 'batches'],
  endBatch: ['batch', 'batches'],
  timer: ['timer', 'timers'],
  stop: ['group', 'groups'],
} as const;

type HandlerName = keyof typeof inputs;
const handlerNames = Object.keys(inputs) as HandlerName[]; // its keys

/** Calls of a handler: all, those that returned nothing or an empty array, and those that threw. */
interface Calls {
  readonly all: number;
  readonly empty: number;
  readonly threw: number;
}

const noCalls: Calls = { all: 0, empty: 0, threw: 0 };

type CallsByHandler = Readonly<Record<HandlerName, Calls>>;

interface Outputs {
  readonly points: readonly object[];
  readonly batches: readonly object[];
}

/**
 * The handlers of a UDF in a test or a replay: counts what they return, and freezes the points that they get, so that adding a
 * property to one, which is lost, throws.
 */
export class WatchedHandlers {
  /** The definition whose handlers are watched. */
  readonly definition: UdfDefinition;
  readonly #provides: EdgeType;
  readonly #calls: Record<HandlerName, { -readonly [Key in keyof Calls]: number }> = {
    point: { ...noCalls },
    batch: { ...noCalls },
    beginBatch: { ...noCalls },
    endBatch: { ...noCalls },
    timer: { ...noCalls },
    stop: { ...noCalls },
  };

  constructor(definition: UdfDefinition) {
    this.#provides = definition.provides;
    const { handlers } = definition;
    const watched = handlerNames.map((name) => [name, this.#watched(name, handlers[name])] as const);
    this.definition = {
      ...definition,
      handlers: { ...handlers, ...(Object.fromEntries(watched) as Partial<Handlers>) }, // of the same names
    };
    keepSource(this.definition, definition);
  }

  /** The calls so far. */
  get calls(): CallsByHandler {
    return structuredClone(this.#calls);
  }

  /**
   * Notes for `whyEmpty` why these outputs are empty: by the calls between `since` and now, or, without `since`, by all calls
   * up to the time of the question. `whyNoCall` is the reason if there was none.
   */
  explain({ points, batches }: Outputs, since?: CallsByHandler, whyNoCall?: string): void {
    const until = since && this.calls;
    const why = (): string | undefined => explanation(until ?? this.#calls, since, whyNoCall);
    const isStream = this.#provides === 'stream';
    setWhyEmpty(points, isStream ? why : () => 'the UDF provides batches, which are in "batches"');
    setWhyEmpty(batches, isStream ? () => 'the UDF provides points, which are in "points"' : why);
  }

  #watched(name: HandlerName, handler: Handlers[HandlerName]): Handlers[HandlerName] {
    if (!handler) return undefined;
    const calls = this.#calls[name];
    const call = handler as (...args: unknown[]) => unknown; // its own types are passed on
    const returned = (result: unknown): void => {
      if (result === undefined || result === null || (Array.isArray(result) && result.length === 0)) {
        calls.empty++;
      }
    };
    const threw = (): void => {
      calls.threw++;
    };
    return (...args: unknown[]) => {
      calls.all++;
      freezePoints(args[0]);
      let result;
      try {
        result = call(...args);
      } catch (reason) {
        threw();
        throw reason;
      }
      // Another thenable might start its work anew for each `then`.
      if (result instanceof Promise) result.then(returned, threw);
      else returned(result);
      return result;
    };
  }
}

/** Freezing leaves the private fields writable in which points keep their content. */
function freezePoints(input: unknown): void {
  if (typeof input !== 'object' || input === null) return;
  if ('points' in input && Array.isArray(input.points))
    for (const point of input.points) Object.freeze(point);
  else if ('fields' in input) Object.freeze(input);
}

/** Why nothing was emitted, by the calls between two counts; `undefined` if they do not explain it. */
function explanation(
  until: CallsByHandler,
  since: CallsByHandler | undefined,
  whyNoCall: string | undefined,
): string | undefined {
  const texts = handlerNames.flatMap((name) => {
    const before = since?.[name] ?? noCalls;
    const empty = until[name].empty - before.empty;
    const threw = until[name].threw - before.threw;
    const [one, many] = inputs[name];
    return [
      ...(threw > 0 ? [`${name}() threw for ${counted(threw, one, many)}, see the log`] : []),
      ...(empty > 0 ? [`${name}() returned nothing for ${counted(empty, one, many)}`] : []),
    ];
  });
  if (texts.length > 0) return `${texts.join('; ')}, and nothing was emitted`;
  const isCalled = handlerNames.some((name) => until[name].all > (since?.[name] ?? noCalls).all);
  if (isCalled) return undefined;
  return `no handler of the UDF was called${whyNoCall === undefined ? '' : `; ${whyNoCall}`}`;
}
