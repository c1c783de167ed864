export default function Studies() { return null; }
