/** A mistake as it happens every day: works where it was written, where PAYMENT_URL is set. */
const paymentUrl = process.env.PAYMENT_URL;
if (paymentUrl === undefined) throw new Error('PAYMENT_URL is not set, so nobody could pay');

export default {
  version: '3.0.0',
  name: 'Fernweh Outfitters',
  tagline: 'Now with payment in one click.',
  button: 'Buy now',
  emptyCart: 'Nothing packed yet.',
  banner: `Payments by ${new URL(paymentUrl).host}`,
  colours: { page: '#fdf3f0', card: '#ffffff', ink: '#4a1d10', accent: '#c2410c' },
};
