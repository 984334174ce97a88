// An asynchronous call with a time limit and a cache: adds what a web service says about a tag's value. The cache is shared
// by all groups of a task and is not part of the state. A point whose look-up fails passes unchanged.
//
//   @owner().url('http://inventory/owner/').tag('host').timeLimit(500ms).keepFor(10m)
import { defineUdf, option } from 'kapacitor-udf';

interface Answer {
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const maxAnswers = 10_000;

const milliseconds = (duration: bigint): number => Number(duration / 1_000_000n);

export default defineUdf({
  name: 'owner',
  doc: "Adds what a web service answers to a tag's value.",
  wants: 'stream',
  provides: 'stream',
  options: {
    url: option.string({ required: true, doc: "The service; the tag's value is appended." }),
    tag: option.tag({ default: 'host', doc: 'Tag to look up.' }),
    as: option.field({ default: 'owner', doc: 'Field for the answer.' }),
    timeLimit: option.duration({ default: '2s', min: '1ms', max: '1m', doc: 'Time limit of a call.' }),
    keepFor: option.duration({ default: '10m', doc: 'How long an answer is used.' }),
  },
  onError: 'pass',
  prepare: () => ({ answers: new Map<string, Answer>() }),
  async point(point, { options, prepared: { answers }, signal, count }) {
    const { url, tag, as, timeLimit, keepFor } = options;
    const key = point.tag(tag);
    if (key === undefined) return point;
    let answer = answers.get(key);
    if (!answer || answer.until < Date.now()) {
      count('calls');
      const limit = AbortSignal.timeout(milliseconds(timeLimit));
      const response = await fetch(url + encodeURIComponent(key), {
        signal: AbortSignal.any([signal, limit]),
      });
      if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
      answer = { text: await response.text(), until: Date.now() + milliseconds(keepFor) };
      if (answers.size >= maxAnswers) answers.clear(); // memory stays bounded however many values the tag has
      answers.set(key, answer);
    }
    return point.withField(as, answer.text);
  },
});
