"""Paging: whom to page, when, and by which way (contract §5 and §8).

A *page* is the message that wakes somebody. What uses what, from the top down:

    pager                          the loop of the paging process: perform, fire, send, record
      performing                     performs tasks that are due, by functions that it is given
        presence                       records since when paging processes have been at work
      firing                         fires an incident's timers, which inserts deliveries
        roster                         reads whom policies page, and how they are reached
        progress                       picks the layer that fires next (pure)
        escalation                     sets and stops the timers
      lookout, fairness              find what is due, and share out the threads (fairness is pure)
      delivery                       claims deliveries, makes their pages, records the outcomes
        acknowledge_links              the link in a page (signed_links: in its earlier form)
      connections                    bounds one try: its time, and where it may connect
      channels                       picks the way a page leaves
        mail, webhook, apprise_channel   send it; apprise_urls reads Apprise's URLs
          wording                        the text of a message, cut and escaped to fit
            page                           what a page or a message about an alert says

Beside them, `policies`, `contact_methods` and `notification_rules` hold the rules for what users
set up.
"""
