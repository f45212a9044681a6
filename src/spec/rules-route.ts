import { overlaps, parseListen } from './address.ts';
import type { RuleContext } from './rules.ts';
import { LISTEN } from './schema-route.ts';

type Rule = (context: RuleContext) => void;

const routeNeedsPort: Rule = ({ given, problem }) => {
  if (given('route') && !given('port')) {
    problem(['route'], 'sends requests to the port of each replica, but spec.port is missing', {
      suggestion: 'add spec.port, such as port: 8080',
    });
  }
};

/** In a cluster it is the port of a Service, which has a default. */
const listenNeeded: Rule = ({ given, raw, problem }) => {
  const route = raw(['route']);
  if (given('image') || typeof route !== 'object' || route === null || Array.isArray(route)) return;
  if (raw(['route', 'listen']) !== undefined) return;
  const message = `missing: expected ${LISTEN}`;
  problem(['route', 'listen'], message, { code: 'E_SPEC_MISSING', expected: LISTEN });
};

const previewApart: Rule = ({ spec, problem }) => {
  if (spec.route?.previewListen === undefined || spec.route.listen === undefined) return;
  const listen = parseListen(spec.route.listen);
  const preview = parseListen(spec.route.previewListen);
  if (listen && preview && overlaps(listen, preview)) {
    problem(['route', 'previewListen'], `must be another port than listen (${listen.port})`, {
      suggestion: 'choose another port',
    });
  }
};

export const routeRules: readonly Rule[] = [routeNeedsPort, listenNeeded, previewApart];
