/**
 * `./x.js` is `./x.ts` in the sources. A resolver in place of a moduleNameMapper pattern, because a pattern would also
 * rewrite the relative imports inside node_modules.
 */
module.exports = (request, options) => {
  if (/^\.{1,2}\/.*\.js$/.test(request) && !options.basedir.includes('node_modules')) {
    try {
      return options.defaultResolver(request.replace(/\.js$/, '.ts'), options);
    } catch {
      // A real .js file.
    }
  }
  return options.defaultResolver(request, options);
};
