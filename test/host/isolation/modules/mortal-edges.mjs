import { writeFileSync } from 'node:fs';
import { edgeDetect } from 'kapacitor-udf/udfs';

/** `edgeDetect`, whose worker ends at the first point with each name in the field `die`. */
export const mortalEdges = {
  ...edgeDetect,
  name: 'mortalEdges',
  handlers: {
    ...edgeDetect.handlers,
    point(point, context) {
      const name = point.field('die');
      if (name !== undefined) {
        try {
          writeFileSync(`${process.env.TIMED_DIR}/${name}`, '', { flag: 'wx' });
        } catch {
          return edgeDetect.handlers.point(point, context); // it has ended a worker before
        }
        process.exit(1);
      }
      return edgeDetect.handlers.point(point, context);
    },
  },
};
