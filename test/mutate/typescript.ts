/**
 * Mutants of a TypeScript module, found in its syntax tree. Left as they are: types, imports, comments, strings, and
 * whatever makes a message: what is thrown, and arguments of functions that make an error.
 */
import ts from 'typescript';
import { COMPARISONS, EQUALITIES, EXTREMA, LARGEST_CONSTANT, LOGIC, type Mutant, SIGNS, otherAxis } from './mutant';
import { wgslMutants } from './wgsl';

/**
 * @param file Its path: below `shaders/`, templates and strings that compute something are WGSL.
 */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const inShaders = file.startsWith('shaders/');
  const all: Mutant[] = [];
  const replace = (operator: Mutant['operator'], node: ts.Node, text: string): void => {
    all.push({ operator, start: node.getStart(tree), end: node.getEnd(), text });
  };
  const addWgsl = (node: ts.Node): void => {
    const start = node.getStart(tree) + 1; // after the quote
    for (const mutant of wgslMutants(source.slice(start, node.getEnd() - 1))) {
      all.push({ ...mutant, start: mutant.start + start, end: mutant.end + start });
    }
  };
  const isWgsl = (node: ts.Node): boolean =>
    (ts.isTaggedTemplateExpression(node.parent) && node.parent.tag.getText(tree) === 'wgsl') ||
    (inShaders && /[-+*/<>=()]/.test(node.getText(tree)));

  const visit = (node: ts.Node): void => {
    if (isPassive(node)) return;
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (isWgsl(node)) addWgsl(node);
      return;
    }
    if (ts.isTemplateExpression(node)) {
      if (isWgsl(node)) addWgsl(node);
      else if (!inShaders) return; // a message, a label, a key
    }
    if (ts.isBinaryExpression(node)) binary(node);
    if (ts.isPrefixUnaryExpression(node)) unary(node);
    if (ts.isNumericLiteral(node)) constant(node);
    if (ts.isPropertyAccessExpression(node)) extremum(node);
    if (ts.isIdentifier(node)) axis(node);
    if (ts.isStatement(node) && isDroppable(node)) replace('statement', node, ';');
    ts.forEachChild(node, visit);
  };

  const binary = ({ operatorToken, left, right }: ts.BinaryExpression): void => {
    const sign = operatorToken.getText(tree);
    for (const [operator, table] of [
      ['comparison', COMPARISONS],
      ['equality', EQUALITIES],
      ['logic', LOGIC],
    ] as const) {
      if (table[sign]) replace(operator, operatorToken, table[sign]);
    }
    if (!SIGNS[sign] || makesText(left) || makesText(right)) return;
    replace('sign', operatorToken, SIGNS[sign]);
    if (!sign.endsWith('=')) all.push({ operator: 'term', start: left.getEnd(), end: right.getEnd(), text: '' });
  };

  const unary = ({ operator, operand }: ts.PrefixUnaryExpression): void => {
    const start = operand.getStart(tree) - 1;
    if (operator === ts.SyntaxKind.MinusToken) all.push({ operator: 'sign', start, end: start + 1, text: '' });
    if (operator === ts.SyntaxKind.ExclamationToken)
      all.push({ operator: 'negation', start, end: start + 1, text: '' });
  };

  const constant = (node: ts.NumericLiteral): void => {
    const value = Number(node.text);
    if (!/^\d+$/.test(node.getText(tree)) || value > LARGEST_CONSTANT) return;
    replace('constant', node, String(value + 1));
    replace('constant', node, value > 0 ? String(value - 1) : '(-1)');
  };

  const extremum = ({ expression, name }: ts.PropertyAccessExpression): void => {
    if (expression.getText(tree) === 'Math' && EXTREMA[name.text]) replace('extremum', name, EXTREMA[name.text]!);
  };

  const axis = (node: ts.Identifier): void => {
    const other = otherAxis(node.text);
    if (!other || !isRead(node)) return;
    let scope: ts.Node = node;
    while (scope.parent && !ts.isFunctionLike(scope)) scope = scope.parent;
    if (!new RegExp(`\\b${other}\\b`).test(scope.getText(tree))) return; // then it would not even compile
    replace('axis', node, ts.isShorthandPropertyAssignment(node.parent) ? `${node.text}: ${other}` : other);
  };

  visit(tree);
  return all;
}

function isPassive(node: ts.Node): boolean {
  return (
    ts.isTypeNode(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isThrowStatement(node) ||
    makesError(node)
  );
}

/** `new GradlensError(…)`, `shapeError(…)`, `call.unsupported(…)`. */
function makesError(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false;
  const called = node.expression;
  const name = ts.isPropertyAccessExpression(called) ? called.name.text : ts.isIdentifier(called) ? called.text : '';
  return /(Error|unsupported|refused?)$/i.test(name);
}

/** Whether text is put together here, which + does too. */
function makesText(node: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.forEachChild(node, (child) => makesText(child) || undefined) ?? false)
  );
}

/** A call or an assignment, or a way out under a condition. */
function isDroppable(node: ts.Statement): boolean {
  if (ts.isExpressionStatement(node)) {
    const { expression } = node;
    return !(ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.SuperKeyword);
  }
  if (!ts.isIfStatement(node) || node.elseStatement) return false;
  const body = ts.isBlock(node.thenStatement) ? node.thenStatement.statements.at(-1) : node.thenStatement;
  return (
    body !== undefined &&
    (ts.isReturnStatement(body) ||
      ts.isThrowStatement(body) ||
      ts.isBreakStatement(body) ||
      ts.isContinueStatement(body))
  );
}

/** Whether a name is used here, not declared. */
function isRead(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return true;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  return (
    ts.isExpression(parent) ||
    ts.isReturnStatement(parent) ||
    (ts.isVariableDeclaration(parent) && parent.initializer === node)
  );
}
