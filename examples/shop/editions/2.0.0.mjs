/** New colours, new words: what this release is about. */
export default {
  version: '2.0.0',
  name: 'Fernweh Outfitters',
  tagline: 'Pack light. Leave early. Come home late.',
  button: 'Take it along',
  emptyCart: 'Nothing packed yet.',
  banner: 'New: free shipping on everything that fits in a rucksack.',
  colours: { page: '#f1f7ef', card: '#ffffff', ink: '#173a24', accent: '#2c8a4b' },
};
