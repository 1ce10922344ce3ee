import { z } from 'zod';
import { duration } from '../duration.ts';
import { kubernetes, matching } from '../kubernetes.ts';

/** One field of a cron expression: values, and ranges and `*` with or without steps, separated by commas. */
function cronField(value: string): string {
  const step = '(/[1-9][0-9]?)?';
  const part = `(\\*${step}|${value}(-${value}${step})?)`;
  return `${part}(,${part})*`;
}

/** Minute, hour, day of the month, month and day of the week, as crontab(5) has them. */
const cron = [
  cronField('[0-5]?[0-9]'),
  cronField('(2[0-3]|[01]?[0-9])'),
  cronField('(3[01]|[12][0-9]|0?[1-9])'),
  cronField('(1[0-2]|0?[1-9]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)'),
  cronField('([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)'),
].join(' +');

/** A time that comes again and again, with the fewest replicas that there are to be then. */
export const scheduleSpec = z
  .strictObject({
    start: z
      .string()
      .max(100)
      .describe(
        'When it begins: minute, hour, day of the month, month and day of the week, as in a crontab. `0 8 * * MON-FRI`: at eight on working days.',
      )
      .register(kubernetes, {
        rules: [
          matching(
            cron,
            'must have five fields (minute, hour, day of the month, month, day of the week) as in a crontab, such as "0 8 * * MON-FRI"',
          ),
        ],
      }),
    duration: duration().describe('How long it lasts from then, such as `10h`.'),
    timeZone: z
      .string()
      .max(64)
      .register(kubernetes, {
        rules: [
          {
            rule: "self.matches('^[A-Za-z][A-Za-z0-9_+/-]*$') && timestamp('2026-01-01T00:00:00Z').getFullYear(self) > 0",
            message: 'must be the IANA name of a time zone, such as "Europe/Berlin"',
          },
        ],
      })
      .default('Etc/UTC')
      .describe('Where start is meant, by its IANA name, such as `Europe/Berlin`.'),
    minReplicas: z
      .int32()
      .min(1)
      .max(1000)
      .describe('There are never fewer while it lasts. At most maxReplicas.'),
  })
  .describe('A time with a higher floor.');

export type ScheduleSpec = z.output<typeof scheduleSpec>;
