import { randomStream, type RandomStream } from '../../random.js';

/** Made-up licence and navigation text: near-duplicates of a few forms with names, numbers and order changed. */
export function boilerplateText(seed: string, number: number): string {
  const random = randomStream(seed, 'boilerplate', number);
  const form = FORMS[random.below(FORMS.length)];
  return fill(form, random);
}

const SLOTS: Readonly<Record<string, readonly string[]>> = {
  company: ['Acme', 'Northwind', 'Globex', 'Initech', 'Contoso', 'Umbra', 'Vandelay', 'Tyrell', 'Stark', 'Wayne'],
  kind: ['Inc.', 'LLC', 'Ltd.', 'GmbH', 'Corporation', 'Foundation'],
  thing: ['Software', 'Service', 'Website', 'Product', 'Content', 'Application'],
  section: ['Home', 'News', 'Products', 'Support', 'About Us', 'Contact', 'Careers', 'Press', 'Blog', 'Downloads', 'Forum', 'Sitemap', 'Help', 'FAQ', 'Login', 'Register', 'My Account', 'Cart'],
  state: ['Delaware', 'California', 'New York', 'Texas', 'Ireland', 'Ontario'],
  month: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
};

function fill(form: string, random: RandomStream): string {
  return form.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'year') return String(1995 + random.below(30));
    if (name === 'number') return String(1 + random.below(999));
    if (name === 'menu') {
      return Array.from({ length: 6 + random.below(8) }, () => SLOTS['section'][random.below(SLOTS['section'].length)]).join(' | ');
    }
    const choices = SLOTS[name];
    return choices[random.below(choices.length)];
  });
}

const FORMS: readonly string[] = [
  `{menu}
Copyright (c) {year}-{year} {company} {kind} All rights reserved. Terms of Use | Privacy Policy | Cookie Settings
{menu}
Page {number} of {number} | Previous | Next | Back to top | Print this page | E-mail this page
Best viewed at 1024x768. Last updated: {month} {number}, {year}.`,
  `Copyright (c) {year}, {company} {kind}
All rights reserved.

Redistribution and use of the {thing} in source and binary forms, with or without modification, are permitted provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer in the documentation and/or other materials provided with the distribution.
3. Neither the name of {company} nor the names of its contributors may be used to endorse or promote products derived from this {thing} without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY {company} "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED.`,
  `Permission is hereby granted, free of charge, to any person obtaining a copy of this {thing} and associated documentation files, to deal in the {thing} without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the {thing}, subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the {thing}. Copyright {year} {company} {kind}`,
  `TERMS AND CONDITIONS ({company} {kind})
Section {number}. By using the {thing} you agree to be bound by these terms. {company} may change these terms at any time without notice. Your continued use of the {thing} after such changes constitutes your acceptance.
Section {number}. IN NO EVENT SHALL {company} BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES ARISING IN ANY WAY OUT OF THE USE OF THE {thing}.
Section {number}. These terms are governed by the laws of {state}, without regard to its conflict of law provisions.
Effective date: {month} {number}, {year}`,
  `PRIVACY POLICY
{company} {kind} ("we", "us") respects your privacy. We use cookies to improve your experience on our {thing}. By continuing to browse you accept our use of cookies. We do not sell your personal information to third parties. To opt out, click here. For more information see our Privacy Policy, updated {month} {number}, {year}.
[Accept all] [Reject all] [Manage preferences]`,
  `{section} > {section} > {section} > Item no. {number}
Add to cart | Add to wish list | Compare | Share | Tweet | Like ({number})
Customers who viewed this item also viewed: {section}, {section}, {section}
Sort by: Price | Name | Rating | Newest      Show: 10 | 20 | 50 per page
{number} results found. Page 1 2 3 4 5 ... {number} Next
(c) {year} {company} {kind} {menu}`,
  `Subscribe to our newsletter! Enter your e-mail address: [Submit]
Follow us: Facebook | Twitter | RSS | LinkedIn
{menu}
Comments ({number}) | Log in to post a comment | Report abuse | Permalink
Posted in {section} on {month} {number}, {year} by admin. Tags: {section}, {section}, {section}. Filed under: {section}.
Powered by {company} {number}.{number}.{number}`,
  `This document and the information in it is provided by {company} {kind} on an "AS IS" basis. No part of this {thing} may be reproduced, stored in a retrieval system, or transmitted in any form or by any means, electronic, mechanical, photocopying, recording, or otherwise, without the prior written permission of {company}. All trademarks are the property of their respective owners. Printed in {state}. Revision {number}, {month} {year}. ISBN {number}-{number}-{number}.`,
];
