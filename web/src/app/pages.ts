/** Pages that exist, in the order of the navigation. A page arrives with its engine. */
export const PAGES = ['overview', 'map', 'substation', 'alarms', 'studies', 'operations', 'flexibility', 'exchange', 'models', 'admin'] as const;
