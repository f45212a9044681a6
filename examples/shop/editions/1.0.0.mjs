/** The shop as it has been for years. */
export default {
  version: '1.0.0',
  name: 'Fernweh',
  tagline: 'Things for outside.',
  button: 'Add to cart',
  emptyCart: 'Your cart is empty.',
  colours: { page: '#f2f6fb', card: '#ffffff', ink: '#16324f', accent: '#1f6feb' },
};
