import { overlaps, parseListen } from './address.ts';
import type { RuleContext } from './rules.ts';

type Rule = (context: RuleContext) => void;

const routeNeedsPort: Rule = ({ given, problem }) => {
  if (given('route') && !given('port')) {
    problem(['route'], 'sends requests to the port of each replica, but spec.port is missing', {
      suggestion: 'add spec.port, such as port: 8080',
    });
  }
};

const previewApart: Rule = ({ spec, problem }) => {
  if (spec.route?.previewListen === undefined) return;
  const listen = parseListen(spec.route.listen);
  const preview = parseListen(spec.route.previewListen);
  if (listen && preview && overlaps(listen, preview)) {
    problem(['route', 'previewListen'], `must be another port than listen (${listen.port})`, {
      suggestion: 'choose another port',
    });
  }
};

export const routeRules: readonly Rule[] = [routeNeedsPort, previewApart];
