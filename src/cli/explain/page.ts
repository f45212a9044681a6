/** What `crossfade explain STRATEGY` teaches. Paragraphs are wrapped when they are printed. */
export interface StrategyPage {
  /** As written in an App file. */
  kind: string;
  /** One line, for the list. */
  summary: string;
  howItWorks: string[];
  advantages: string[];
  disadvantages: string[];
  whenToUse: string[];
  /** A complete App file; the stages shown are compiled from it. */
  example: string;
}

/** The part of the example that is the same in all of them. */
export function exampleApp(strategy: string): string {
  const head = `apiVersion: crossfade.dev/v1
kind: App
metadata: { name: shop }
spec:
  replicas: 3
  source: .
  run: { command: [node, server.js] }
  port: 8080
  health: { ready: { http: /healthz } }
  route: { listen: 8000 }
  strategy:
`;
  return head + strategy.replace(/^/gm, '    ');
}
