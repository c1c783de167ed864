export default function Exchange() { return null; }
