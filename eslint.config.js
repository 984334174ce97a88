import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.ci/', 'docs/api/', 'docs/.vitepress/cache/'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Times and counters are interpolated as they are; an object would still be caught.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/no-invalid-void-type': ['error', { allowAsThisParameter: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // The wire code indexes byte arrays within bounds it has just checked; `?? 0` there would cost and say nothing.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      // TypeScript checks no excess properties in such a literal.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ObjectExpression > SpreadElement > ObjectExpression',
          message: 'Write the properties without the spread.',
        },
      ],
    },
  },
  // Plain JavaScript, outside the TypeScript project.
  {
    files: [
      'eslint.config.js',
      '.dependency-cruiser.mjs',
      'docs/**/*.{js,mjs}',
      '{test,udfs}/**/*.mjs',
      'src/**/assets/*.js',
    ],
    ...tseslint.configs.disableTypeChecked,
  },
);
