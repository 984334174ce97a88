import { describe, expect, it } from 'vitest';
import { quote, readTickscript, unquote } from '../../src/kapacitor/tickscript.js';
import { tokenize } from '../../src/kapacitor/tick-tokens.js';

describe('reading a TICKscript', () => {
  it('finds its type, its databases, and its nodes with their numbers and properties', () => {
    const script = `dbrp "a"."b"
// stream|not('this')
var limit = 5
var data = stream
    |from()
        .measurement('m')
    @edgeDetect().field('its').hold(5m)
data|alert().crit(lambda: "x" / 2 > limit AND "s" =~ /\\/|from()/)`;
    const { type, dbrps, nodes } = readTickscript(script);
    expect(type).toBe('stream');
    expect(dbrps).toMatchObject([{ db: 'a', rp: 'b', start: 0, end: 12 }]);
    expect(nodes.map(({ name, number, udf }) => `${udf ? '@' : '|'}${name}${number}`)).toEqual([
      '|from1',
      '@edgeDetect2',
      '|alert3',
    ]);
    const [from, edge, alert] = nodes;
    expect(from!.properties.map(({ name }) => name)).toEqual(['measurement']);
    expect(edge!.properties.map(({ name }) => name)).toEqual(['field', 'hold']);
    expect(script.slice(edge!.start, edge!.end)).toBe("@edgeDetect().field('its').hold(5m)");
    expect(script.slice(edge!.chain!.start).startsWith('var data = stream')).toBe(true);
    expect(script.slice(edge!.chain!.head).startsWith('stream')).toBe(true);
    expect(script.slice(alert!.chain!.start).startsWith('data|alert')).toBe(true);
  });

  it('numbers an argument before the node that it is given to, as Kapacitor does', () => {
    const { nodes } = readTickscript(
      "var a = stream|from()\na|join(stream|from()|where(lambda: TRUE)).as('x','y')",
    );
    expect(nodes.map(({ name, number }) => `${name}${number}`)).toEqual([
      'from1',
      'from2',
      'where3',
      'join4',
    ]);
    expect(nodes[1]!.chain).toBeUndefined();
    expect(nodes[3]!.properties.map(({ name }) => name)).toEqual(['as']);
  });

  it('knows no type where there is no source', () => {
    expect(readTickscript("var stream_name = 'batch' // stream")).toEqual({
      type: undefined,
      dbrps: [],
      nodes: [],
    });
  });

  it('takes any text', () => {
    for (const text of ['', ')', '|(', "'", '"', '@x(', 'dbrp "a"', '|from().', '/']) readTickscript(text);
  });

  it('reads and writes quoted texts', () => {
    for (const text of ["it's", '', 'a "b" c']) expect(unquote(tokenize(quote(text))[0]!)).toBe(text);
    expect(unquote(tokenize("'''it's'''")[0]!)).toBe("it's");
  });
});
