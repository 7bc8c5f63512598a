// `opsd ctl graph`: which service needs which, as a tree or for Graphviz.

import type { GraphView, NodeView } from '../../api/services.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { COLOURS } from '../show/state-word.ts';
import { paint } from '../show/terminal.ts';

export async function showGraph({ client, terminal, operands, options }: Ctl): Promise<ExitCode> {
  const query = operands.map((operand) => `service=${encodeURIComponent(operand)}`).join('&');
  const graph = (await client.get(`/api/v1/graph${query === '' ? '' : `?${query}`}`)) as GraphView;
  if (options.json === true) terminal.out(`${JSON.stringify(graph, null, 2)}\n`);
  else if (options.dot === true) terminal.out(dot(graph.services));
  else terminal.out(tree(graph, (state) => paint(terminal, COLOURS[state], state)));
  return 0;
}

interface Edge {
  readonly to: string;
  /** The condition, unless it is readiness: started, completed, or after. */
  readonly note: string;
}

function edgesOf({ depends_on, after }: NodeView): Edge[] {
  const needed = depends_on.map(({ service, until }) => ({ to: service, note: until === 'ready' ? '' : until }));
  return [...needed, ...after.map((to) => ({ to, note: 'after' }))];
}

/** A tree for each service that no other depends on. The dependencies of a service are shown only the first time. */
function tree({ services, roots }: GraphView, show: (state: NodeView['state']) => string = String): string {
  const nodes = new Map(services.map((node) => [node.name, node]));
  const shown = new Set<string>();
  const lines: string[] = [];
  const visit = (name: string, note: string, branch: string, below: string) => {
    const node = nodes.get(name);
    const edges = node === undefined ? [] : edgesOf(node);
    const isAgain = shown.has(name) && edges.length > 0;
    shown.add(name);
    const notes = [note, isAgain ? 'see above' : ''].filter(Boolean).join(', ');
    lines.push(
      `${branch}${name}  ${node === undefined ? 'not configured' : show(node.state)}${notes && `  (${notes})`}`,
    );
    if (isAgain) return;
    for (const [place, edge] of edges.entries()) {
      const isLast = place === edges.length - 1;
      visit(edge.to, edge.note, `${below}${isLast ? '└─ ' : '├─ '}`, `${below}${isLast ? '   ' : '│  '}`);
    }
  };
  for (const root of roots) visit(root, '', '', '');
  return lines.map((line) => `${line}\n`).join('');
}

function dot(services: readonly NodeView[]): string {
  const lines = services.flatMap((node) => [
    `  "${node.name}" [label="${node.name}\\n${node.state}"];`,
    ...edgesOf(node).map(({ to, note }) => {
      const style = note === '' ? '' : ` [label="${note}"${note === 'after' ? ', style=dashed' : ''}]`;
      return `  "${node.name}" -> "${to}"${style};`;
    }),
  ]);
  return ['digraph opsd {', '  rankdir=LR;', '  node [shape=box];', ...lines, '}', ''].join('\n');
}
