// Which faults a source file may have, read off its syntax tree: each is one small change that somebody could make by mistake.

import {
  isArrayLiteralExpression,
  isArrowFunction,
  isBinaryExpression,
  isCallExpression,
  isConditionalExpression,
  isExpressionStatement,
  isFunctionDeclaration,
  isIfStatement,
  isMethodDeclaration,
  isNumericLiteral,
  isObjectLiteralExpression,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isSpreadAssignment,
  isSpreadElement,
  isTypeNode,
  isVariableDeclaration,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';

/** What kind of text the fault takes the place of. */
export type Place = 'expression' | 'statement' | 'element' | 'property';

export interface Fault {
  /** From the repository's root. */
  readonly file: string;
  readonly place: Place;
  /** Offsets in the text of the file. */
  readonly start: number;
  readonly end: number;
  /** Where the text goes on; after the comma of what is left out of a list. */
  readonly until: number;
  /** What stands there instead; a statement, an element or a property is left out. */
  readonly text: string;
  /** The lines that it changes, in one, as they are and as they become: what the fault is known by. */
  readonly was: string;
  readonly becomes: string;
  /** It lies within something whose type is written there: no other file can be refused for it. */
  readonly isContained: boolean;
}

type Change = readonly [place: Place, node: Node, text: string];

/** One operator to the one that is mistaken for it. */
const OPERATORS: ReadonlyMap<SyntaxKind, string> = new Map([
  [SyntaxKind.LessThanToken, '<='],
  [SyntaxKind.LessThanEqualsToken, '<'],
  [SyntaxKind.GreaterThanToken, '>='],
  [SyntaxKind.GreaterThanEqualsToken, '>'],
  [SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [SyntaxKind.EqualsEqualsToken, '!='],
  [SyntaxKind.ExclamationEqualsToken, '=='],
  [SyntaxKind.PlusToken, '-'],
  [SyntaxKind.MinusToken, '+'],
  [SyntaxKind.AsteriskToken, '/'],
  [SyntaxKind.SlashToken, '*'],
  [SyntaxKind.AsteriskAsteriskToken, '*'],
  [SyntaxKind.PercentToken, '/'],
  [SyntaxKind.PlusEqualsToken, '-='],
  [SyntaxKind.MinusEqualsToken, '+='],
]);

/** Of these the one side, or the other, is left out. */
const JOINTS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.AmpersandAmpersandToken,
  SyntaxKind.BarBarToken,
  SyntaxKind.QuestionQuestionToken,
]);

/** Methods to those that are mistaken for them; null: the call is left out. */
const METHODS: ReadonlyMap<string, string | null> = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
  ['floor', 'ceil'],
  ['ceil', 'floor'],
  ['round', 'floor'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
  ['filter', null],
  ['sort', null],
  ['slice', null],
  ['trim', null],
  ['toLowerCase', null],
]);

/** Constants from there on are doubled: one more of something large is no fault that anybody could see. */
const LARGE = 10;

/** A list of more entries than that. */
const LONG = 8;

/** Every fault that may be planted in the file, in the order of its text. */
export function faultsOf(file: string, source: SourceFile): readonly Fault[] {
  const { text } = source;
  const changes: (readonly [change: Change, isContained: boolean])[] = [];
  const visit = (node: Node, isContained: boolean): void => {
    if (isTypeNode(node) || node.kind === SyntaxKind.ImportDeclaration) return;
    for (const change of changesOf(node, source)) changes.push([change, isContained]);
    node.forEachChild((child) => visit(child, isContained || isTyped(node)));
  };
  visit(source, false);
  return changes
    .map(([[place, node, instead], isContained]): Fault => {
      const [start, end] = [node.getStart(source), node.end];
      const comma = place === 'element' || place === 'property' ? /^\s*,/.exec(text.slice(end)) : null;
      const until = end + (comma?.[0].length ?? 0);
      const from = text.lastIndexOf('\n', start - 1) + 1;
      const after = text.indexOf('\n', until);
      const to = after < 0 ? text.length : after;
      const was = inOneLine(text.slice(from, to));
      const becomes = inOneLine(text.slice(from, start) + instead + text.slice(until, to));
      return { file, place, start, end, until, text: instead, was, becomes, isContained };
    })
    .filter(({ was, becomes }) => was !== becomes);
}

/** What it is or gives to others is written there, so that nothing within can make it another. */
function isTyped(node: Node): boolean {
  const isThing =
    isFunctionDeclaration(node) || isMethodDeclaration(node) || isArrowFunction(node) || isVariableDeclaration(node);
  return isThing && node.type !== undefined;
}

/** The text of the file with this one fault. */
export function withFault(text: string, fault: Fault): string {
  return text.slice(0, fault.start) + fault.text + text.slice(fault.until);
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function changesOf(node: Node, source: SourceFile): readonly Change[] {
  const textOf = (of: Node) => of.getText(source);
  if (isBinaryExpression(node)) {
    const { left, operatorToken, right } = node;
    if (JOINTS.has(operatorToken.kind)) {
      return [
        ['expression', node, textOf(left)],
        ['expression', node, textOf(right)],
      ];
    }
    const operator = OPERATORS.get(operatorToken.kind);
    return operator === undefined ? [] : [['expression', node, `${textOf(left)} ${operator} ${textOf(right)}`]];
  }
  if (isPrefixUnaryExpression(node)) {
    return node.operator === SyntaxKind.ExclamationToken ? [['expression', node, textOf(node.operand)]] : [];
  }
  if (isPostfixUnaryExpression(node)) {
    return [['expression', node, `${textOf(node.operand)}${textOf(node).endsWith('++') ? '--' : '++'}`]];
  }
  if (isNumericLiteral(node)) {
    if (node.parent.kind === SyntaxKind.PropertyAssignment && node.parent.getStart(source) === node.getStart(source))
      return [];
    const value = Number(textOf(node).replaceAll('_', ''));
    return [['expression', node, String(value === 1 ? 0 : value >= LARGE ? value * 2 : value + 1)]];
  }
  if (node.kind === SyntaxKind.TrueKeyword) return [['expression', node, 'false']];
  if (node.kind === SyntaxKind.FalseKeyword) return [['expression', node, 'true']];
  if (isIfStatement(node)) {
    // One that never takes its way; with another way to go, one that takes the wrong one.
    const { expression, elseStatement } = node;
    if (elseStatement === undefined) return [['expression', expression, 'false']];
    return [['expression', expression, `!(${textOf(expression)})`]];
  }
  if (isConditionalExpression(node)) {
    return [['expression', node, `${textOf(node.condition)} ? ${textOf(node.whenFalse)} : ${textOf(node.whenTrue)}`]];
  }
  if (isExpressionStatement(node)) return [['statement', node, '']];
  if (isArrayLiteralExpression(node)) {
    // Of a pair each half is needed by everyone who takes it apart: only what may be missing is left out.
    // The entries of a long list are alike: one stands for all.
    const elements = node.elements.length > LONG ? node.elements.slice(0, 1) : node.elements;
    return elements
      .filter(
        (element) =>
          isSpreadElement(element) || element.kind === SyntaxKind.StringLiteral || isObjectLiteralExpression(element),
      )
      .map((element): Change => ['element', element, '']);
  }
  if (isObjectLiteralExpression(node)) {
    // Beside what is spread a property says what is different.
    if (!node.properties.some(isSpreadAssignment)) return [];
    return node.properties
      .filter((property) => !isSpreadAssignment(property))
      .map((property): Change => ['property', property, '']);
  }
  if (isCallExpression(node)) return changesOfCall(node, source);
  return [];
}

function changesOfCall(node: Node, source: SourceFile): readonly Change[] {
  if (!isCallExpression(node) || !isPropertyAccessExpression(node.expression)) return [];
  const { expression: whole, name } = node.expression;
  const method = METHODS.get(name.getText(source));
  const of = whole.getText(source);
  // A chain with ?. ends as a whole: what stands in for a part of it would go on.
  if (method === undefined || node.getText(source).includes('?.')) return [];
  if (method === null) return [['expression', node, of]];
  return [['expression', node, `${of}.${method}${source.text.slice(name.end, node.end)}`]];
}
