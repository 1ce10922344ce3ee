import { expect, test } from 'vitest';
import { onlyExternal } from './source.ts';

const source = (...triggers: string[]) => `	switch triggerType {
${triggers.join('')}	default:
		return nil, fmt.Errorf("no scaler found for type: %s", triggerType)
	}
`;
const cron = '	case "cron":\n		return scalers.NewCronScaler(config)\n';
const redis = '	case "redis":\n		return scalers.NewRedisScaler(ctx, false, config)\n';
const external = '	case "external":\n		return scalers.NewExternalScaler(config)\n';
const mock = '	// Only of tests.\n	case "external-mock":\n		return scalers.NewMock(config)\n';
const push = '	case "external-push":\n		return scalers.NewExternalPushScaler(config)\n';

test('of all triggers the external ones are left', () => {
  expect(onlyExternal(source(cron, external, mock, push, redis))).toBe(
    source(external, '	// Only of tests.\n', push),
  );
});

test('sources of another form are refused', () => {
  expect(() => onlyExternal(source(cron, external))).toThrow(/no scalers\.NewExternalPushScaler/);
});
