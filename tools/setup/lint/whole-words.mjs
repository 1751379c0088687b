// Variables have names that say what they hold. A property may be destructured under its own name, whatever that is.
const denied = new Set(['of', 'at', 'own', 'told', 'to', 'had', 'was', 'what', 'who']);

const isShorthand = ({ parent }) =>
  (parent?.type === 'Property' && parent.shorthand) ||
  (parent?.type === 'AssignmentPattern' && parent.parent?.type === 'Property' && parent.parent.shorthand);

export const wholeWords = {
  meta: { type: 'suggestion', schema: [], messages: { denied: '"{{name}}" does not say what it holds.' } },
  create: ({ sourceCode, report }) => ({
    'Program:exit'() {
      for (const { variables } of sourceCode.scopeManager.scopes)
        for (const { name, defs } of variables)
          for (const { name: node } of denied.has(name) ? defs : [])
            if (!isShorthand(node)) report({ node, messageId: 'denied', data: { name } });
    },
  }),
};
