import { bundledUdfs } from '../../udfs/index.js';
import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import type { UdfDefinition } from '../udf/definition.js';

/** UDFs by name. */
export type Udfs = ReadonlyMap<string, UdfDefinition>;

/** The bundled UDFs and those of modules. Throws `invalid_module` if one cannot be loaded or a name is taken twice. */
export async function availableUdfs(modules: readonly string[] = []): Promise<Udfs> {
  const udfs = new Map(bundledUdfs.map((definition) => [definition.name, definition]));
  if (modules.length === 0) return udfs;
  const { loadModule } = await import('./load-module.js');
  const sources = new Map<string, string>();
  for (const module of modules) {
    for (const definition of await loadModule(module)) {
      const { name } = definition;
      if (udfs.get(name) === definition) continue;
      if (udfs.has(name)) {
        const other = sources.get(name) ?? 'one that comes with kapacitor-udf';
        throw new UdfError(
          'invalid_module',
          `${module}: there are two UDFs ${name}, this and ${other}; rename one`,
        );
      }
      udfs.set(name, definition);
      sources.set(name, `that of ${module}`);
    }
  }
  return udfs;
}

/** The UDFs of these names, each once; all of them without names. Throws `usage` for an unknown name. */
export function chooseUdfs<Udf>(udfs: ReadonlyMap<string, Udf>, names: readonly string[]): Udf[] {
  if (names.length === 0) return [...udfs.values()];
  return [...new Set(names)].map((name) => chooseUdf(udfs, name));
}

/** The UDF of this name. Throws `usage` for an unknown one, naming the nearest. */
export function chooseUdf<Udf>(udfs: ReadonlyMap<string, Udf>, name: string): Udf {
  const definition = udfs.get(name);
  if (definition) return definition;
  const known = [...udfs.keys()];
  const near = nearestName(name, known);
  throw new UdfError(
    'usage',
    `there is no UDF ${name} (${near === undefined ? `there are ${known.join(', ')}; --load takes the module of another` : `did you mean ${near}?`})`,
  );
}
