import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * A Markdown plugin: links that work in the repository lead to the page of the site, if the file is one, else to the
 * file in the repository on the web. A link to a file that does not exist is left to be reported as dead.
 */
export function linkSources(md, { root, repository, pageOf }) {
  md.core.ruler.push('link-sources', ({ tokens, env }) => {
    const source = env.realPath ?? env.path;
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue;
      const href = token.attrGet('href');
      const target = sitePath(href, dirname(source));
      if (target !== undefined) token.attrSet('href', target);
    }
  });

  function sitePath(href, directory) {
    const [, address, anchor] = /^([^#]*)(#.*)?$/.exec(href);
    const path = filePath(decodeURI(address), directory);
    if (path === undefined || !existsSync(join(root, path))) return undefined;
    const page = pageOf(path);
    if (page !== undefined)
      return `/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}${anchor ?? ''}`;
    const kind = statSync(join(root, path)).isDirectory() ? 'tree' : 'blob';
    return `${repository}/${kind}/main/${path}${anchor ?? ''}`;
  }

  /** The file that an address means, from the repository's root; `undefined` for another site and the page itself. */
  function filePath(address, directory) {
    const inRepository = `${repository}/blob/main/`;
    if (address.startsWith(inRepository)) return address.slice(inRepository.length);
    if (address === '' || /^([a-z]+:|\/)/.test(address)) return undefined;
    return relative(root, join(directory, address));
  }
}
