/** How TypeScript becomes JavaScript in tests: by jest (jest.config.mjs) and in child processes (register-ts.mjs). */
export const swcOptions = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2022',
    keepClassNames: true,
  },
  sourceMaps: 'inline',
};
