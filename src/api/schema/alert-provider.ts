// Schema of an AlertProvider: where alerts are sent.
import { objectName } from './common.ts';
import { choice, object, text } from './schema.ts';

export const ALERT_PROVIDERS = ['slack', 'msteams', 'discord', 'rocket', 'gchat'] as const;
export type AlertProviderType = (typeof ALERT_PROVIDERS)[number];

export const alertProviderSchema = object('Where alerts are sent.', {
  required: { type: choice('Kind of the receiver.', ALERT_PROVIDERS) },
  optional: {
    channel: text('Channel to post to. Default general.', { max: 253 }),
    username: text('Name to post as. Default serin.', { max: 253 }),
    address: text('Address of the webhook, http or https. Either this or secretRef.', {
      min: 1,
      max: 2048,
    }),
    proxy: text('Address of the proxy to go through.', { max: 2048 }),
    secretRef: object(
      "A Secret in the provider's namespace with the key address, and token where one is needed. Either this or address.",
      { required: { name: objectName('Name of the Secret.') }, optional: {} },
    ),
  },
  rules: [
    {
      rule: 'has(self.address) != has(self.secretRef)',
      message: 'exactly one of address and secretRef must be given',
    },
  ],
});
